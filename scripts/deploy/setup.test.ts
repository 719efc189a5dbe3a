import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ROOT } from "../stack-env.ts";
import { CloudflareApi } from "./cloudflare-api.ts";
import { type RunningFakeAccount, startFakeAccount } from "./fake/fake-account.ts";
import type { FakeScript } from "./fake/state.ts";
import { PRODUCTION } from "./names.ts";
import { PendingSecrets } from "./secrets.ts";
import { setUp, withDatabaseId } from "./setup.ts";

const DATABASE_ID = /(?<=database_id = ")[0-9a-f-]{36}/;
const ZERO_ID = "00000000-0000-0000-0000-000000000000";
const API_CONFIG = "wrangler.toml";
const CONSUMER_CONFIG = "src/workers/consumer/wrangler.toml";
const { api: API, consumer: CONSUMER } = PRODUCTION.workers;

let fake: RunningFakeAccount;
let root: string;
let pending: PendingSecrets;
const said: string[] = [];

beforeEach(async () => {
  fake = await startFakeAccount();
  root = await mkdtemp(join(tmpdir(), "ai-styler-setup-test-"));
  pending = new PendingSecrets(join(root, "secrets"));
  for (const file of [API_CONFIG, CONSUMER_CONFIG]) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    // As they are before the first set-up, even where that has been.
    const toml = (await readFile(join(ROOT, file), "utf8")).replace(DATABASE_ID, ZERO_ID);
    await writeFile(join(root, file), toml);
  }
  return () => fake.stop();
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function run(env: NodeJS.ProcessEnv = {}): Promise<string> {
  said.length = 0;
  const options = { api: new CloudflareApi(fake.access), env, root, pending };
  await setUp(options, (line) => said.push(line));
  return said.join("\n");
}

const text = (file: string) => readFile(join(root, file), "utf8");

function addWorker(name: string, secrets: Readonly<Record<string, string>>): Map<string, string> {
  const held = new Map(Object.entries(secrets));
  fake.account.scripts.set(name, { name, secrets: held } as FakeScript);
  return held;
}

describe("the first set-up", () => {
  it("makes production's database, bucket and queues, and says what it made", async () => {
    const told = await run();
    const { databases, buckets, queues } = fake.account;
    expect([...databases.keys(), ...buckets.keys()]).toEqual([PRODUCTION.database, PRODUCTION.bucket]);
    expect([...queues.keys()]).toEqual(Object.values(PRODUCTION.queues));
    expect(told.match(/^ +made/gm)).toHaveLength(6);
    expect(fake.unknown).toEqual([]);
  });

  it("writes the database's id into both configurations, and changes nothing else in them", async () => {
    const before = await Promise.all([text(API_CONFIG), text(CONSUMER_CONFIG)]);
    await run();
    const id = fake.account.databases.get(PRODUCTION.database)?.uuid ?? "";
    const after = await Promise.all([text(API_CONFIG), text(CONSUMER_CONFIG)]);
    expect(after).toEqual(before.map((toml) => toml.replace(ZERO_ID, id)));
    for (const toml of after) expect(toml.split(id)).toHaveLength(2);
  });

  it("leaves secrets for the first release where only their owner reads them, and prints none", async () => {
    const told = await run({ SMS_API_KEY: "sms-key-value", GEMINI_API_KEY: "gemini-key-value" });
    const secrets = await pending.read(API);
    expect(Object.keys(secrets).sort()).toEqual(["JWT_SECRET", "METRICS_TOKEN", "SMS_API_KEY"]);
    expect(secrets.METRICS_TOKEN).toMatch(/^[\w-]{43}$/);
    expect(await pending.read(CONSUMER)).toEqual({ GEMINI_API_KEY: "gemini-key-value" });
    expect((await stat(pending.fileOf(API))).mode & 0o777).toBe(0o600);
    for (const value of Object.values(secrets)) expect(told).not.toContain(value);
    expect(told).not.toContain("gemini-key-value");
  });
});

describe("another set-up", () => {
  it("changes nothing: the same ids, the same secrets, and no call that writes", async () => {
    await run();
    const before = [await text(API_CONFIG), await text(CONSUMER_CONFIG), JSON.stringify(await pending.read(API))];
    const calls = fake.calls.length;
    const told = await run();
    expect([await text(API_CONFIG), await text(CONSUMER_CONFIG), JSON.stringify(await pending.read(API))]).toEqual(
      before,
    );
    expect(fake.calls.slice(calls).filter((call) => !call.startsWith("GET"))).toEqual([]);
    expect(told.match(/was there/g)).toHaveLength(7);
  });

  it("sets of a Worker's secrets only what it lacks, and overwrites none", async () => {
    const held = addWorker(API, { JWT_SECRET: "present", SMS_API_KEY: "present" });
    const told = await run({ JWT_SECRET: "another", SMS_API_KEY: "another", SENTRY_DSN: "https://k@o1.example/1" });
    const { METRICS_TOKEN, ...others } = Object.fromEntries(held);
    expect(others).toEqual({ JWT_SECRET: "present", SMS_API_KEY: "present", SENTRY_DSN: "https://k@o1.example/1" });
    expect(METRICS_TOKEN?.length).toBeGreaterThanOrEqual(16);
    // Prometheus needs it, and Cloudflare never tells it again.
    expect(await pending.read("metrics-token")).toEqual({ METRICS_TOKEN });
    expect(told).toContain("SENTRY_DSN");
    expect(told).not.toContain(METRICS_TOKEN);
    expect(await pending.read(API)).toEqual({});
  });

  it("hands over what waits for a Worker that another checkout released, and keeps none of it here", async () => {
    await run({ SMS_API_KEY: "sms-key-value" });
    const held = addWorker(API, { JWT_SECRET: "present" });
    await run();
    expect(Object.fromEntries(held)).toMatchObject({ JWT_SECRET: "present", SMS_API_KEY: "sms-key-value" });
    expect(await pending.read(API)).toEqual({});
  });
});

describe("a configuration that names another database", () => {
  it("is left as it is, and the set-up says so", async () => {
    const other = "99999999-8888-4777-8666-555555555555";
    const toml = (await text(API_CONFIG)).replace(ZERO_ID, other);
    await writeFile(join(root, API_CONFIG), toml);
    await expect(run()).rejects.toThrow(`wrangler.toml names the database ${other}`);
    expect(await text(API_CONFIG)).toBe(toml);
  });

  it("without any database is an error, too", () => {
    expect(() => withDatabaseId('name = "x"\n', "id", "wrangler.toml")).toThrow(
      "has no line that begins with database_id",
    );
  });
});
