import { eq } from "drizzle-orm";
import { beforeEach, describe, expect, it } from "vitest";
import { createD1Orphans } from "../../../src/db/d1/repositories/orphans.ts";
import { images } from "../../../src/db/d1/schema/index.ts";
import { newId, resultImageId } from "../../../src/kernel/ids.ts";
import { resultKeys } from "../../../src/modules/conversions/conversion.ts";
import { sweepOrphans } from "../../../src/modules/conversions/jobs.ts";
import { imageKeys, objectKeys } from "../../../src/modules/images/object-keys.ts";
import { createR2ObjectStore } from "../../../src/providers/cloudflare/r2-object-store.ts";
import { bindings, d1, db, insertImage } from "../support/database.ts";
import { fakeGenerator, type WorkerStage, workerStage } from "../support/worker.ts";

const DAY_MS = 24 * 60 * 60_000;
const orphans = createD1Orphans(db);
const objects = createR2ObjectStore(bindings.BUCKET);

async function put(keys: readonly string[]): Promise<readonly string[]> {
  for (const key of keys) await bindings.BUCKET.put(key, "x");
  return keys;
}

async function allKeys(prefix = ""): Promise<string[]> {
  return (await bindings.BUCKET.list({ prefix })).objects.map(({ key }) => key);
}

beforeEach(async () => {
  for (const key of await allKeys()) await bindings.BUCKET.delete(key);
  for (const name of ["orphans:images/", "orphans:results/"]) await orphans.keepCursor(name, null, 0);
});

/** A stage a day from now, so that all that is stored in the test is old. */
async function tomorrow(): Promise<WorkerStage> {
  const stage = await workerStage(fakeGenerator());
  stage.advance(DAY_MS + 60_000);
  return stage;
}

const sweep = (stage: WorkerStage, change: Partial<Parameters<typeof sweepOrphans>[0]> = {}) =>
  sweepOrphans({ ...stage.deps, orphans, ...change });

const uploadKeys = (userId: string, id = newId("img", Date.now())) => objectKeys(imageKeys(userId, id));
const keysOfResult = (id: string) => Object.values(resultKeys(id));

describe("going through the object store", () => {
  it("deletes what no row tells of", async () => {
    const stage = await tomorrow();
    const upload = await put(uploadKeys(stage.userId));
    const result = await put(keysOfResult(newId("cnv", Date.now())));
    expect(await sweep(stage)).toBe(6);
    const left = await allKeys();
    for (const key of [...upload, ...result]) expect(left).not.toContain(key);
  });

  it("keeps what is younger than a day", async () => {
    const stage = await workerStage(fakeGenerator());
    stage.advance(DAY_MS - 60_000);
    const keys = await put([...uploadKeys(stage.userId), ...keysOfResult(newId("cnv", Date.now()))]);
    expect(await sweep(stage)).toBe(0);
    expect(await allKeys()).toEqual(expect.arrayContaining([...keys]));
    stage.advance(120_000);
    expect(await sweep(stage)).toBe(6);
  });

  it("keeps an image's objects while its row lives, and not when that is deleted", async () => {
    const stage = await tomorrow();
    const id = await insertImage(stage.userId);
    const keys = await put(uploadKeys(stage.userId, id));
    expect(await sweep(stage)).toBe(0);
    expect(await allKeys()).toEqual(expect.arrayContaining([...keys]));
    await db.update(images).set({ deletedAt: 1 }).where(eq(images.id, id));
    expect(await sweep(stage)).toBe(3);
  });

  it("keeps a result while its conversion is active or its image lives, and not a failed one's", async () => {
    const stage = await workerStage(fakeGenerator());
    const deadlineAt = Date.now() + 10 * DAY_MS;
    const waiting = await stage.newConversion({ deadlineAt });
    const working = await stage.newConversion({ deadlineAt });
    const done = await stage.newConversion({ deadlineAt });
    const claim = { now: Date.now(), leaseMs: 30_000, maxAttempts: 4, attemptsSpent: false };
    await d1.conversions.claim(working, claim);
    const claimed = await d1.conversions.claim(done, claim);
    const picture = { mime: "image/jpeg", bytes: 1, width: 64, height: 64, sha256: "00" } as const;
    const result = {
      ...picture,
      imageId: resultImageId(done),
      provider: "local",
      model: "m",
      degraded: false,
    } as const;
    if (claimed) await d1.conversions.succeed(claimed.lease, result, { now: Date.now(), answerOutboxId: null });
    await put([waiting, working, done].flatMap(keysOfResult));
    stage.advance(DAY_MS + 60_000);
    expect(await sweep(stage)).toBe(0);
    await d1.conversions.cancel(stage.userId, waiting, Date.now());
    await d1.conversions.failUndelivered(working, "worker_lost", Date.now() + 60_000);
    expect(await sweep(stage)).toBe(6);
    expect(await allKeys("results/")).toEqual([...keysOfResult(done)].sort());
    await d1.conversions.remove(stage.userId, done, Date.now());
    expect(await sweep(stage)).toBe(3);
  });

  it("leaves keys of any other shape alone, and says how many they are", async () => {
    const stage = await tomorrow();
    const [userId, id] = [stage.userId, newId("img", Date.now())];
    const cnv = newId("cnv", Date.now());
    const odd = [
      `images/${userId}/${id}/original.bak`,
      `images/${userId}/${id}/original/x`,
      `images/${userId}/${id}`,
      `images/${userId}/img_x/original`,
      `images/${cnv}/${id}/original`,
      `images/${userId}/${cnv}/original`,
      "images/readme.txt",
      `results/${cnv}/thumbnail-512`,
      `results/${id}/original`,
      `results/${cnv}`,
      "results/",
      "backups/today",
    ];
    await put(odd);
    const logged: unknown[] = [];
    const logger = { ...stage.deps.logger, log: (...line: unknown[]) => void logged.push(line) };
    expect(await sweep(stage, { logger })).toBe(0);
    expect(await allKeys()).toEqual(expect.arrayContaining(odd));
    expect(logged).toEqual([
      ["warn", "objects without a row", { prefix: "images/", deleted: 0, unknown: 7 }],
      ["warn", "objects without a row", { prefix: "results/", deleted: 0, unknown: 4 }],
    ]);
  });

  it("goes a page at a time, on where it stopped, and begins again at the end", async () => {
    const stage = await tomorrow();
    for (const key of await allKeys()) await bindings.BUCKET.delete(key);
    const small: typeof objects = { ...objects, list: (prefix, page) => objects.list(prefix, { ...page, limit: 2 }) };
    const kept = await put(uploadKeys(stage.userId, await insertImage(stage.userId)));
    const counts = [];
    await put([uploadKeys(stage.userId), uploadKeys(stage.userId)].flat());
    for (let i = 0; i < 4; i++) counts.push(await sweep(stage, { objects: small }));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(5);
    expect(Math.max(...counts)).toBe(2);
    expect(await orphans.cursor("orphans:images/")).not.toBeNull();
    expect(await sweep(stage, { objects: small })).toBe(1);
    expect(await orphans.cursor("orphans:images/")).toBeNull();
    const late = await put(uploadKeys(stage.userId));
    for (let i = 0; i < 5; i++) await sweep(stage, { objects: small });
    expect(await allKeys()).toEqual([...kept].sort());
    expect(late).toHaveLength(3);
  });

  it("takes the same page again where deleting failed", async () => {
    const stage = await tomorrow();
    await put(uploadKeys(stage.userId));
    const broken = { ...objects, delete: () => Promise.reject(new Error("R2 is down")) };
    await expect(sweep(stage, { objects: broken })).rejects.toThrow("R2 is down");
    expect(await sweep(stage)).toBe(3);
  });

  it("racing itself does no harm", async () => {
    const stage = await tomorrow();
    await put(uploadKeys(stage.userId, await insertImage(stage.userId)));
    const kept = await allKeys();
    await put(uploadKeys(stage.userId));
    await Promise.all([sweep(stage), sweep(stage), sweep(stage)]);
    expect(await allKeys()).toEqual(kept);
  });
});

describe("a list of objects", () => {
  it("is in the order of keys, by pages that neither lose nor repeat, with the time of each", async () => {
    const keys = Array.from({ length: 7 }, (_, i) => `list/${i}`);
    await put([...keys].reverse());
    await put(["lisa", "list0"]);
    const found: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof objects.list>> = await objects.list("list/", { cursor, limit: 3 });
      for (const { key, uploadedAt } of page.objects) {
        found.push(key);
        expect(Math.abs(uploadedAt - Date.now())).toBeLessThan(60_000);
      }
      cursor = page.cursor;
      if (found.length === 3) await bindings.BUCKET.delete("list/2");
    } while (cursor !== null);
    expect(found).toEqual(keys);
    expect(await objects.list("nothing/", { cursor: null, limit: 10 })).toEqual({ objects: [], cursor: null });
  });
});
