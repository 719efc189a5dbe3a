import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ROOT } from "../stack-env.ts";
import { parseCommand, run } from "./deploy.ts";
import { type RunningFakeAccount, startFakeAccount } from "./fake/fake-account.ts";
import { FakeRefusal } from "./fake/fake-cloudflare.ts";
import { addBucket, addDatabase, addQueue } from "./fake/state.ts";
import { type Names, PRODUCTION, previewNames, slugOf } from "./names.ts";

/** Each starts Node, on a machine that may be busy. */
const COMMAND_MS = 60_000;

/** As people start it: with an environment that names no account, and a proxy that lets nothing out. */
async function command(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    HTTPS_PROXY: "http://127.0.0.1:9",
    NODE_USE_ENV_PROXY: "1",
  };
  const running = promisify(execFile)(process.execPath, ["scripts/deploy/deploy.ts", ...args], { cwd: ROOT, env });
  return running.then(
    (done) => ({ code: 0, ...done }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

describe("the arguments", () => {
  it.each([
    [[], { kind: "release", branch: "main" }],
    [["--branch", "main"], { kind: "release" }],
    [["--branch", "x"], { kind: "preview", branch: "x", dryRun: false, pull: null }],
    [["--branch=x", "--dry-run", "--comment", "12"], { kind: "preview", dryRun: true, pull: 12 }],
    [["--branch", "x", "--delete"], { kind: "delete", branch: "x" }],
    [["--sweep", "--keep", "-"], { kind: "sweep", keep: "-" }],
    [["--rollback"], { kind: "rollback" }],
    [["--help", "--branch", "x"], { kind: "help" }],
  ])("%j are understood", (args, expected) => {
    expect(parseCommand(args)).toMatchObject(expected);
  });

  it.each([
    [["--delete"], "production stays"],
    [["--branch", "main", "--delete"], "production stays"],
    [["--branch", ""], "--branch wants the name of a branch"],
    [["--branch", "refs/heads/main"], "without refs/heads/"],
    // What a pull request from main into another branch would do.
    [["--branch", "main", "--comment", "12"], "--comment goes with the --branch of a preview"],
    [["--sweep", "--branch", "x"], "go without each other"],
    [["--rollback", "--delete"], "go without each other"],
    [["--keep", "file", "--branch", "x"], "--keep goes with --sweep"],
    [["--branch", "x", "--comment", "12a"], 'not "12a"'],
    [["--comment", "12"], "--comment goes with"],
    [["feature-x"], "feature-x"],
    [["--brunch", "x"], "--brunch"],
  ])("%j are refused, and why is told", (args, reason) => {
    expect(() => parseCommand(args)).toThrow(reason);
  });

  it(
    "that can't be meant end with 2, a reason and the usage; what can't be done with 1",
    async () => {
      const [unknown, noAccount] = await Promise.all([command("--brunch", "x"), command("--branch", "x")]);
      expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining("Usage: npm run deploy") });
      expect(noAccount).toMatchObject({ code: 1, stderr: expect.stringContaining("CLOUDFLARE_ACCOUNT_ID") });
      expect(noAccount.stderr).not.toContain("    at ");
    },
    COMMAND_MS,
  );
});

describe("a dry run, without account and network", () => {
  it(
    "shows all of a preview: each resource, command and call",
    async () => {
      const { code, stdout } = await command("--dry-run", "--branch", "feature-x");
      expect(code).toBe(0);
      const { workers, queues, bucket, database } = previewNames("feature-x");
      for (const name of [...Object.values(workers), ...Object.values(queues), bucket, database])
        expect(stdout).toContain(name);
      const order = [
        "d1 migrations apply",
        ...["tail", "hasher", "consumer"].map((it) => `src/workers/${it}/wrangler`),
        "deploy -c wrangler.",
      ];
      const places = order.map((part) =>
        stdout.indexOf(`wrangler ${part.startsWith("src") ? `deploy -c ${part}` : part}`),
      );
      expect(places).toEqual(places.toSorted((a, b) => a - b));
      expect(places[0]).toBeGreaterThan(0);
      expect(stdout).toContain("--secrets-file <JWT_SECRET, unless it has one>");
      const made = ["cron * * * * *", `consumer of ${queues.sms}`, "Durable Objects UserSessions, RateLimiter"];
      for (const it of [...made, "its address"]) expect(stdout).toContain(`with ${it}`);
      expect(stdout).toContain("/api/status");
    },
    COMMAND_MS,
  );

  it(
    "shows the end of a preview, a sweep, and a release",
    async () => {
      const [end, swept, released] = await Promise.all([
        command("--dry-run", "--branch", "feature-x", "--delete"),
        command("--dry-run", "--sweep"),
        command("--dry-run"),
      ]);
      expect(end).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("DELETE /workers/scripts/ai-styler-api-feature-x"),
      });
      expect(swept).toMatchObject({ code: 0, stdout: expect.stringContaining("git ls-remote --heads origin") });
      expect(released).toMatchObject({ code: 0, stdout: expect.stringContaining("ai-styler-api") });
    },
    COMMAND_MS,
  );
});

describe("a sweep", () => {
  let fake: RunningFakeAccount;
  let folder: string;
  const said: string[] = [];
  const open = ["main", "feature/open"];
  const gone = ["feature/gone", "Gone too"];

  const add = ({ bucket, database, queues }: Names) => {
    addBucket(fake.account, bucket).objects.add("picture");
    addDatabase(fake.account, database);
    for (const queue of Object.values(queues)) addQueue(fake.account, queue);
  };
  const sweep = async (branches: readonly string[], ...more: string[]) => {
    const file = join(folder, "branches");
    await writeFile(file, branches.join("\n"));
    said.length = 0;
    await run(["--sweep", "--keep", file, ...more], { env: fake.env, say: (line) => said.push(line) });
  };
  const buckets = () => [...fake.account.buckets.keys()].sort();
  const bucketOf = (branch: string) => previewNames(slugOf(branch)).bucket;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ai-styler-sweep-test-"));
  });
  beforeEach(async () => {
    fake = await startFakeAccount();
    add(PRODUCTION);
    for (const branch of ["feature/open", ...gone]) add(previewNames(slugOf(branch)));
    addBucket(fake.account, "ai-styler-backups");
    return () => fake.stop();
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("deletes previews whose branch is gone, and leaves production, open branches and what others have", async () => {
    await sweep(open);
    expect(buckets()).toEqual(["ai-styler", "ai-styler-backups", bucketOf("feature/open")].sort());
    expect([...fake.account.databases.keys()].sort()).toEqual(["ai-styler", bucketOf("feature/open")]);
    expect(fake.account.queues.size).toBe(8);
    expect(fake.account.buckets.get("ai-styler")?.objects.size).toBe(1);
    expect(fake.unknown).toEqual([]);
  });

  it("refuses a list without any branch, and deletes nothing", async () => {
    await expect(sweep([])).rejects.toThrow("the list of open branches is empty");
    await expect(sweep(["", "  "])).rejects.toThrow("the list of open branches is empty");
    expect(buckets()).toHaveLength(5);
  });

  it("says which they are in a dry run, and deletes none", async () => {
    await sweep(open, "--dry-run");
    for (const branch of gone) expect(said.join("\n")).toContain(slugOf(branch));
    expect(buckets()).toHaveLength(5);
    expect(fake.calls.filter((call) => !call.startsWith("GET"))).toEqual([]);
  });

  it("goes on with the others when one fails, and fails at the end", async () => {
    const [first = ""] = gone.map(slugOf).sort();
    fake.failNext("DELETE", /^\/d1\//, new FakeRefusal(500, 7_500, "internal error"));
    await expect(sweep(open)).rejects.toThrow(`not all of the preview ${first} could be deleted`);
    expect(buckets()).toEqual(
      ["ai-styler", "ai-styler-backups", bucketOf("feature/open"), previewNames(first).bucket].sort(),
    );
    await sweep(open);
    expect(buckets()).toHaveLength(3);
  });
});
