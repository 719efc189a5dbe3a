import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { databaseIdOf, headOf, refuseChanges, refuseOlder, refuseWithoutAddress } from "./checkout.ts";

const config = (database_id: string) => ({ d1_databases: [{ binding: "DB", database_id }] });

describe("the database of a release", () => {
  it("is the one that all configurations name", () => {
    expect(databaseIdOf([config("a-b"), {}, config("a-b")])).toBe("a-b");
  });

  it("must have been set up", () => {
    expect(() => databaseIdOf([config("00000000-0000-0000-0000-000000000000")])).toThrow(/npm run setup:cloudflare/);
  });

  it("must be the same for all Workers", () => {
    expect(() => databaseIdOf([config("a"), config("b")])).toThrow(/name 2 databases instead of one: a, b/);
    expect(() => databaseIdOf([{}])).toThrow(/name 0 databases/);
  });
});

describe("the api of a release", () => {
  it.each([{ workers_dev: true }, { routes: [{ pattern: "api.example", custom_domain: true }] }, { route: "a.b/*" }])(
    "has an address by %j",
    (config) => {
      expect(() => refuseWithoutAddress(config)).not.toThrow();
    },
  );

  it("must have one", () => {
    for (const config of [{ workers_dev: false }, { workers_dev: false, routes: [] }]) {
      expect(() => refuseWithoutAddress(config)).toThrow("set `routes`, or workers_dev = true");
    }
  });
});

describe("the commit of a release", () => {
  let folder: string;
  let first: string;
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@example.com", ...args], {
      cwd: folder,
      stdio: "pipe",
    });
  const commit = () => git("commit", "--quiet", "--allow-empty", "--message", "a change");

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ai-styler-checkout-"));
    git("init", "--quiet");
    commit();
    first = (await headOf(folder)).slice(0, 12);
    commit();
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("may be newer than what is in production, or the same, but not older", async () => {
    const second = await headOf(folder);
    await refuseOlder(first, folder);
    await refuseOlder(second, folder);
    git("checkout", "--quiet", first);
    await expect(refuseOlder(second, folder)).rejects.toThrow(/does not contain.*--rollback/);
    git("checkout", "--quiet", second);
  });

  it("is not held up by a commit that nobody here knows", async () => {
    await refuseOlder("0123456789ab", folder);
  });

  it("must be all that is there", async () => {
    await refuseChanges(folder);
    await writeFile(join(folder, "new.ts"), "");
    await expect(refuseChanges(folder)).rejects.toThrow(/differ from it:\n\?\? new\.ts/);
  });
});
