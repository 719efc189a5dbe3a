import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CloudflareApi } from "./cloudflare-api.ts";
import { type RunningFakeAccount, startFakeAccount } from "./fake/fake-account.ts";
import { FakeRefusal } from "./fake/fake-cloudflare.ts";
import { addBucket, addDatabase, addQueue, newScript } from "./fake/state.ts";
import {
  deleteBucket,
  deleteQueue,
  deleteWorker,
  ensureBucket,
  ensureDatabase,
  ensureQueue,
  findDatabase,
  listResources,
} from "./resources.ts";

let fake: RunningFakeAccount;
let api: CloudflareApi;

beforeAll(async () => {
  fake = await startFakeAccount();
  api = new CloudflareApi(fake.access, { pauseMs: 1 });
});
afterAll(() => fake.stop());

const kinds = { database: ensureDatabase, bucket: ensureBucket, queue: ensureQueue };

describe.each(Object.entries(kinds))("a %s", (kind, ensure) => {
  it("is made once, and is the same one from then on", async () => {
    const made = await ensure(api, `once-${kind}`);
    expect(made.isNew).toBe(true);
    expect(await ensure(api, `once-${kind}`)).toEqual({ id: made.id, isNew: false });
  });

  it("is one for two runs at once", async () => {
    const both = await Promise.all([ensure(api, `race-${kind}`), ensure(api, `race-${kind}`)]);
    expect(new Set(both.map(({ id }) => id)).size).toBe(1);
    expect(both.filter(({ isNew }) => isNew)).toHaveLength(1);
  });

  it("is not taken for there when Cloudflare refuses to tell", async () => {
    const refused = new FakeRefusal(403, 10_000, "Authentication error");
    fake.failNext("GET", /^\/(d1|r2|queues)/, refused);
    await expect(ensure(api, `refused-${kind}`)).rejects.toThrow("Authentication error");
  });
});

describe("a database", () => {
  it("is not mistaken for one whose name only contains its name", async () => {
    addDatabase(fake.account, "my-notes-old");
    expect(await findDatabase(api, "notes")).toBeNull();
  });

  it("is found behind a page of others whose names contain its name", async () => {
    for (let i = 0; i < 120; i++) addDatabase(fake.account, `many-${i}`);
    const { uuid } = addDatabase(fake.account, "many");
    expect(await findDatabase(api, "many")).toBe(uuid);
  });
});

describe("a queue", () => {
  it("that a Worker consumes is not deleted, and the reason is told", async () => {
    const queue = addQueue(fake.account, "busy");
    queue.consumer = { id: "c", script: "some-worker", settings: {}, deadLetterQueue: null };
    await expect(deleteQueue(api, "busy")).rejects.toThrow("is in use by a Worker");
    queue.consumer = null;
    expect(await deleteQueue(api, "busy")).toBe(true);
    expect(await deleteQueue(api, "busy")).toBe(false);
  });
});

describe("a bucket", () => {
  const fill = (name: string) => {
    const { objects } = addBucket(fake.account, name);
    for (let i = 0; i < 1_001; i++) objects.add(`originals/${i}?#%.jpg`);
    return objects;
  };

  it("is emptied first, even while somebody else deletes of it, too", async () => {
    const objects = fill("full");
    const { delete: remove } = Set.prototype;
    objects.delete = (key) => remove.call(objects, key) && key !== "originals/7?#%.jpg";
    expect(await deleteBucket(api, "full")).toBe(true);
    expect(await deleteBucket(api, "full")).toBe(false);
  });

  it("whose objects can't be deleted is given up", async () => {
    const objects = fill("stuck");
    objects.delete = () => false;
    await expect(deleteBucket(api, "stuck")).rejects.toThrow("objects of the bucket stuck can't be deleted");
  });
});

describe("a Worker", () => {
  it("is deleted with its Durable Objects, which Cloudflare keeps it for otherwise", async () => {
    const script = newScript(fake.account, "with-objects");
    script.classes.add("Counter");
    fake.account.scripts.set(script.name, script);
    expect(await deleteWorker(api, "with-objects")).toBe(true);
    expect(await deleteWorker(api, "with-objects")).toBe(false);
  });
});

describe("the list of resources", () => {
  it("has every page of each kind", async () => {
    const names = Array.from({ length: 1_030 }, (_, i) => `listed-${String(i).padStart(4, "0")}`);
    for (const name of names) addBucket(fake.account, name);
    for (const name of names.slice(0, 130)) addDatabase(fake.account, name);
    for (const name of names.slice(0, 230)) addQueue(fake.account, name);
    const { buckets, databases, queues } = await listResources(api, "listed-");
    expect(buckets).toEqual(names);
    expect(databases).toEqual(names.slice(0, 130));
    expect(queues.filter((name) => name.startsWith("listed-"))).toEqual(names.slice(0, 230));
  });
});
