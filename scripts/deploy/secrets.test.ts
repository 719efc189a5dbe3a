import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CONFIG_VARIABLES } from "../../src/composition/config.ts";
import { CloudflareApi } from "./cloudflare-api.ts";
import { type RunningFakeAccount, startFakeAccount } from "./fake/fake-account.ts";
import { FakeRefusal } from "./fake/fake-cloudflare.ts";
import type { FakeScript } from "./fake/state.ts";
import { ALL_SECRETS, PendingSecrets, secretNames, secretsToSet, withSecretsFile } from "./secrets.ts";

let fake: RunningFakeAccount;
let api: CloudflareApi;
let folder: string;

beforeAll(async () => {
  fake = await startFakeAccount();
  api = new CloudflareApi(fake.access, { pauseMs: 1 });
  folder = await mkdtemp(join(tmpdir(), "ai-styler-secrets-test-"));
});
afterAll(async () => {
  await fake.stop();
  await rm(folder, { recursive: true, force: true });
});

function addApi(name: string, secrets: Readonly<Record<string, string>>): void {
  fake.account.scripts.set(name, { name, secrets: new Map(Object.entries(secrets)) } as FakeScript);
}

const apiNamed = (name: string) => ({ role: "api" as const, name });

describe("what goes out with a deployment", () => {
  it("is a new JWT_SECRET each time, long enough, for an api that isn't there", async () => {
    const first = await secretsToSet(api, apiNamed("no-such-api"), {});
    const second = await secretsToSet(api, apiNamed("no-such-api"), {});
    expect(Object.keys(first)).toEqual(["JWT_SECRET"]);
    expect(first.JWT_SECRET?.length).toBeGreaterThanOrEqual(64);
    expect(first.JWT_SECRET).not.toBe(second.JWT_SECRET);
  });

  it("is never another JWT_SECRET, not even a given one", async () => {
    addApi("with-secret", { JWT_SECRET: "present" });
    expect(await secretsToSet(api, apiNamed("with-secret"), {})).toEqual({});
    const given = { JWT_SECRET: "another", SMS_API_KEY: "k" };
    expect(await secretsToSet(api, apiNamed("with-secret"), given, { overwrite: true })).toEqual({ SMS_API_KEY: "k" });
  });

  it("leaves what is there unless it may overwrite, and goes only to Workers that read it", async () => {
    addApi("with-sms", { JWT_SECRET: "present", SMS_API_KEY: "old" });
    const given = { SMS_API_KEY: "new", METRICS_TOKEN: "token", GEMINI_API_KEY: "the consumer's" };
    expect(await secretsToSet(api, apiNamed("with-sms"), given)).toEqual({ METRICS_TOKEN: "token" });
    const all = await secretsToSet(api, apiNamed("with-sms"), given, { overwrite: true });
    expect(all).toEqual({ SMS_API_KEY: "new", METRICS_TOKEN: "token" });
  });

  it("is nothing when Cloudflare doesn't tell what is there: a guess could sign everybody out", async () => {
    fake.failNext("GET", /\/secrets$/, new FakeRefusal(403, 10_000, "Authentication error"));
    await expect(secretsToSet(api, apiNamed("with-secret"), {})).rejects.toThrow("Authentication error");
    expect(await secretNames(api, "no-such-api")).toBeNull();
  });
});

describe("the file that hands secrets over", () => {
  it("can be read by its owner only, and is gone afterwards, whether that went well or not", async () => {
    const secrets = { JWT_SECRET: 'with "quotes" and $SIGNS' };
    let file = "";
    const failing = withSecretsFile(secrets, async ([option, path = ""]) => {
      file = path;
      expect(option).toBe("--secrets-file");
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect(JSON.parse(await readFile(path, "utf8"))).toEqual(secrets);
      throw new Error("the deployment failed");
    });
    await expect(failing).rejects.toThrow("the deployment failed");
    await expect(access(file)).rejects.toThrow("ENOENT");
  });

  it("is gone, too, after a signal that ends the process", async () => {
    const module = JSON.stringify(pathToFileURL(join(import.meta.dirname, "secrets.ts")));
    const script = `
      import { withSecretsFile } from ${module};
      await withSecretsFile({ KEY: "k" }, ([, file]) => {
        process.stdout.write(file);
        return new Promise((resolve) => setTimeout(resolve, 60_000));
      });`;
    const child = spawn(process.execPath, ["--no-warnings", "--input-type=module", "--eval", script]);
    const [file] = (await once(child.stdout, "data")) as [Buffer];
    expect(await readFile(String(file), "utf8")).toContain("KEY");
    child.kill("SIGTERM");
    const [, signal] = await once(child, "exit");
    expect(signal).toBe("SIGTERM");
    await expect(access(String(file))).rejects.toThrow("ENOENT");
  }, 30_000);

  it("isn't there when there is nothing to hand over", async () => {
    expect(await withSecretsFile({}, async (args) => args)).toEqual([]);
  });
});

describe("secrets that wait for a first deployment", () => {
  it("can be read by their owner only, until they are dropped", async () => {
    const pending = new PendingSecrets(join(folder, "pending"));
    expect(await pending.read("api")).toEqual({});
    await pending.write("api", { JWT_SECRET: "s" });
    expect((await stat(pending.fileOf("api"))).mode & 0o777).toBe(0o600);
    expect(await pending.read("api")).toEqual({ JWT_SECRET: "s" });
    await pending.drop("api");
    expect(await pending.read("api")).toEqual({});
  });
});

it("every secret is a variable that the service reads", () => {
  expect([...ALL_SECRETS].filter((name) => !(CONFIG_VARIABLES as readonly string[]).includes(name))).toEqual([]);
});
