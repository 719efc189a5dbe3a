/** Previews on a fake account, by the real wrangler. The tests go on where the one before ended. */
import { access, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../stack-env.ts";
import { type RunningFakeAccount, startFakeAccount } from "./fake/fake-account.ts";
import { visitsOf } from "./fake/fake-account-visits.ts";
import { FakeRefusal } from "./fake/fake-cloudflare.ts";
import { sqliteOf } from "./fake/resource-routes.ts";
import type { FakeScript } from "./fake/state.ts";
import { PRODUCTION, slugOf } from "./names.ts";
import { deployPreview, namesOfBranch, type PreviewOptions, previewVariables } from "./preview.ts";
import { deletePreview } from "./preview-delete.ts";
import { targetConfigPath } from "./target-config.ts";
import { WORKERS, type WorkerRole } from "./workers.ts";
import { wrangler } from "./wrangler.ts";

const DEPLOYMENT_MS = 120_000;
const branch = "feature/Preview test";
const names = namesOfBranch(branch);

let fake: RunningFakeAccount;
let folder: string;
const said: string[] = [];

beforeAll(async () => {
  fake = await startFakeAccount();
  folder = await mkdtemp(join(tmpdir(), "ai-styler-preview-test-"));
});

afterAll(async () => {
  await fake.stop();
  await rm(folder, { recursive: true, force: true });
});

function deploy(env: NodeJS.ProcessEnv, more: Partial<PreviewOptions> = {}): Promise<string> {
  const options = { branch, access: fake.access, env, fetch: visitsOf(fake.account), smokeTimeoutMs: 5_000 };
  return deployPreview({ ...options, ...more }, (line) => said.push(line));
}

/** Building takes long: a second deployment shows of two Workers what it could show of all. */
const onlySome: typeof wrangler = (access, args) =>
  (["tail", "hasher"] as const).some((role) => args.includes(targetConfigPath(role, names.slug)))
    ? Promise.resolve({ stdout: "", entries: [] })
    : wrangler(access, args);

function scriptOf(role: WorkerRole): FakeScript {
  const script = fake.account.scripts.get(names.workers[role]);
  if (script === undefined) throw new Error(`there is no ${role}`);
  return script;
}

const bindingsOf = (role: WorkerRole) => scriptOf(role).versions.at(-1)?.bindings ?? [];
const isThere = (file: string) =>
  access(join(ROOT, file)).then(
    () => true,
    () => false,
  );

describe("making a preview", () => {
  it(
    "ends at the first step that fails, and tells what Cloudflare said",
    async () => {
      fake.failNext("POST", /\/query$/, new FakeRefusal(403, 7_403, "The account may have no more rows"));
      await expect(deploy({})).rejects.toThrow("The account may have no more rows");
      expect(fake.account.queues.size).toBe(4);
      expect(fake.account.scripts.size).toBe(0);
      expect(await Promise.all(WORKERS.map(({ role }) => isThere(targetConfigPath(role, names.slug))))).not.toContain(
        true,
      );
    },
    DEPLOYMENT_MS,
  );

  it(
    "goes on from there when it is run again, and ends with an address that serves",
    async () => {
      const [database] = fake.account.databases.values();
      const output = join(folder, "output");
      const env = {
        GITHUB_OUTPUT: output,
        PREVIEW_GEMINI_API_KEY: "key-one",
        PREVIEW_SMS_TEMPLATE: "200000",
        PREVIEW_SMS_API_KEY: "",
      };
      const address = await deploy(env);
      expect(address).toBe(`https://${names.workers.api}.fake-account.workers.dev`);
      expect(await readFile(output, "utf8")).toBe(`address=${address}\n`);
      expect(said.at(-1)).toContain("not well: sms");
      expect([...fake.account.databases.values()]).toEqual([database]);
      expect(fake.unknown).toEqual([]);
    },
    DEPLOYMENT_MS,
  );

  it("makes all that production has, under the preview's own names, and nothing of production's", () => {
    const { scripts, buckets, databases, queues } = fake.account;
    expect([...scripts.keys()].sort()).toEqual(Object.values(names.workers).sort());
    expect([...queues.keys()].sort()).toEqual(Object.values(names.queues).sort());
    expect([...buckets.keys(), ...databases.keys()]).toEqual([names.bucket, names.database]);
    for (const name of Object.values(PRODUCTION.workers))
      expect(fake.calls.join("\n")).not.toMatch(new RegExp(`/${name}\\b(?!-)`));
  });

  it("binds each Worker to the preview's own database, bucket, queues, objects and Workers", () => {
    const uuid = fake.account.databases.get(names.database)?.uuid;
    const { tail, consumer, hasher } = names.workers;
    expect(bindingsOf("api")).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: "DB", id: uuid }),
        expect.objectContaining({ name: "BUCKET", bucket_name: names.bucket }),
        expect.objectContaining({ name: "CONVERSION_QUEUE", queue_name: names.queues.conversions }),
        expect.objectContaining({ name: "HASHER", service: hasher }),
        expect.objectContaining({ name: "CIRCUIT_BREAKER", script_name: consumer }),
        expect.objectContaining({ name: "METRICS_SHARD", script_name: tail }),
      ]),
    );
    expect(bindingsOf("consumer")).toContainEqual(expect.objectContaining({ name: "DB", id: uuid }));
    const consumers = Object.fromEntries(
      [...fake.account.queues.values()].map((queue) => [queue.name, queue.consumer]),
    );
    expect(consumers[names.queues.conversions]).toMatchObject({
      script: consumer,
      deadLetterQueue: names.queues["conversions-dead"],
    });
    expect(consumers[names.queues.sms]?.script).toBe(names.workers.api);
    expect(consumers[names.queues.alerts]?.script).toBe(tail);
  });

  it("has its own crons, its own tail, and an address for the api alone", () => {
    expect(scriptOf("api").schedules).toEqual(["* * * * *"]);
    expect(scriptOf("consumer").schedules).toEqual(["* * * * *"]);
    for (const role of ["api", "consumer", "hasher"] as const)
      expect(scriptOf(role).tailConsumers).toEqual([names.workers.tail]);
    expect(WORKERS.filter(({ role }) => scriptOf(role).subdomain.enabled).map(({ role }) => role)).toEqual(["api"]);
  });

  it("is a preview to each Worker, with what the environment gives to previews", () => {
    for (const { role } of WORKERS) {
      const vars = bindingsOf(role).filter(({ type }) => type === "plain_text");
      const values = Object.fromEntries(vars.map(({ name, text }) => [name, text]));
      expect(values).toMatchObject({ ENVIRONMENT: "preview", SMS_TEMPLATE: "200000", PROVIDERS: "gemini,local" });
    }
  });

  it("gives a secret only to the Workers that read it, and shows none", () => {
    const secret = scriptOf("api").secrets.get("JWT_SECRET") ?? "";
    expect(secret.length).toBeGreaterThanOrEqual(32);
    expect([...scriptOf("api").secrets.keys()]).toEqual(["JWT_SECRET"]);
    expect(Object.fromEntries(scriptOf("consumer").secrets)).toEqual({ GEMINI_API_KEY: "key-one" });
    expect([...scriptOf("hasher").secrets.keys(), ...scriptOf("tail").secrets.keys()]).toEqual([]);
    expect(said.join("\n")).not.toContain(secret);
    expect(said.join("\n")).not.toContain("key-one");
  });

  it("has every migration in its database", () => {
    const database = fake.account.databases.get(names.database);
    expect(database?.migrations.length).toBeGreaterThan(8);
    expect(database && sqliteOf(database).prepare("SELECT id FROM plans").all()).toEqual([{ id: "free" }]);
  });
});

describe("bringing a preview up to date", () => {
  it(
    "deploys again and keeps the database, its rows and JWT_SECRET, so that nobody is signed out",
    async () => {
      const database = fake.account.databases.get(names.database);
      if (database === undefined) throw new Error("there is no database");
      sqliteOf(database).exec("INSERT INTO plans (id, name) VALUES ('kept', 'Kept')");
      const secret = scriptOf("api").secrets.get("JWT_SECRET");
      const env = {
        PREVIEW_GEMINI_API_KEY: "key-two",
        PREVIEW_JWT_SECRET: "another secret, which must not take its place",
      };
      await deploy(env, { wrangler: onlySome });
      expect(scriptOf("api").versions).toHaveLength(2);
      expect(scriptOf("api").secrets.get("JWT_SECRET")).toBe(secret);
      expect(scriptOf("consumer").secrets.get("GEMINI_API_KEY")).toBe("key-two");
      expect(bindingsOf("api")).toContainEqual(expect.objectContaining({ name: "DB", id: database.uuid }));
      expect(sqliteOf(database).prepare("SELECT name FROM plans WHERE id = 'kept'").all()).toHaveLength(1);
      expect(fake.unknown).toEqual([]);
    },
    DEPLOYMENT_MS,
  );
});

describe("deleting a preview", () => {
  const objects = 1_100;
  const remove = () => deletePreview(fake.access, slugOf(branch), (line) => said.push(line));

  it("goes on past what fails, keeps the bucket as its mark, and names at the end what is left", async () => {
    for (let i = 0; i < objects; i++) fake.account.buckets.get(names.bucket)?.objects.add(`originals/${i}?#%.jpg`);
    const path = new RegExp(`^/workers/scripts/${names.workers.consumer}$`);
    fake.failNext("DELETE", path, new FakeRefusal(500, 10_013, "An unknown error has occurred"));
    await expect(remove()).rejects.toThrow(`delete ${names.workers.consumer}: DELETE`);
    const { scripts, buckets } = fake.account;
    expect([...scripts.keys()]).toEqual([names.workers.consumer]);
    expect([...buckets.keys()]).toEqual([names.bucket]);
    expect(fake.account.databases.size).toBe(0);
  });

  it("leaves nothing when it is run again, however many objects there are", async () => {
    expect(fake.account.buckets.get(names.bucket)?.objects.size).toBe(objects);
    await remove();
    const { scripts, buckets, databases, queues } = fake.account;
    expect(scripts.size + buckets.size + databases.size + queues.size).toBe(0);
    expect(fake.unknown).toEqual([]);
  }, 60_000);

  it("is done with at once where there is nothing", async () => {
    said.length = 0;
    await remove();
    expect(said.filter((line) => line.includes("was gone"))).toHaveLength(10);
  });
});

describe("what the environment gives to previews", () => {
  it("is refused where the service doesn't read it", () => {
    expect(() => previewVariables({ PREVIEW_SMS_KEY: "x" })).toThrow(
      "PREVIEW_SMS_KEY: the service reads no such variable",
    );
  });

  it("asks for no model without a key", () => {
    expect(previewVariables({ PREVIEW_GEMINI_API_KEY: "" }).PROVIDERS).toBe("local");
    expect(previewVariables({ PREVIEW_GEMINI_API_KEY: "k" }).PROVIDERS).toBe("gemini,local");
    expect(previewVariables({ PREVIEW_PROVIDERS: "workers-ai" }).PROVIDERS).toBe("workers-ai");
  });
});

describe("an account without a subdomain of workers.dev", () => {
  it("is told so before anything is made", async () => {
    fake.account.subdomain = null;
    await expect(deploy({})).rejects.toThrow("open Workers & Pages in Cloudflare's dashboard once");
    expect(fake.account.buckets.size).toBe(0);
  });
});
