import { describe, expect, it } from "vitest";
import { newId } from "../../src/kernel/ids.ts";
import type {
  ConversionRepository,
  CreateConditions,
  IdempotencyRecord,
  Lease,
  NewConversion,
  RequeueOptions,
  StoredResult,
} from "../../src/modules/conversions/repository.ts";
import type { QuotaRepository } from "../../src/modules/plans/repository.ts";
import type { OutboxRepository } from "../../src/ports/outbox.ts";
import { conversionInput, createConditions, newConversion } from "../factories.ts";

/** A database under test: the ports, and ways to set the stage and look behind it. */
export interface DatabaseUnderTest {
  readonly conversions: ConversionRepository;
  readonly quota: QuotaRepository;
  readonly outbox: OutboxRepository;
  newUser(): Promise<string>;
  newImage(userId: string): Promise<string>;
  eventsOf(conversionId: string): Promise<{ version: number; type: string; status: string; cause: string }[]>;
  countRows(table: "conversions" | "images", userId: string): Promise<number>;
}

const NOW = Date.UTC(2026, 10, 15, 12);
const LEASE_MS = 30_000;
const BACK = { cause: "no_image", failure: "no_image", keepAttempt: false } as const;
const CLAIM = { now: NOW, leaseMs: LEASE_MS, maxAttempts: 4, attemptsSpent: false };

function times<T>(n: number, make: (i: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: n }, (_, i) => make(i)));
}

/** What every database must guarantee, run once for each. */
export function conversionRepositoryContract(name: string, database: () => Promise<DatabaseUnderTest>): void {
  async function stage(options: { units?: number; maxConcurrent?: number } = {}) {
    const db = await database();
    const userId = await db.newUser();
    const personImageId = await db.newImage(userId);
    const input = conversionInput(personImageId);
    const conversion = (change: Partial<NewConversion> = {}) =>
      newConversion(userId, input, { createdAt: NOW, ...change });
    const conditions = (change: Partial<CreateConditions> = {}) =>
      createConditions(NOW, {
        defaultMonthlyUnits: options.units ?? 10,
        maxConcurrent: options.maxConcurrent ?? 100,
        ...change,
      });
    const create = async (change: Partial<NewConversion> = {}) => {
      const made = conversion(change);
      expect(await db.conversions.create(made, conditions())).toEqual({ kind: "created" });
      return made.id;
    };
    const claim = async (id: string, change: Partial<typeof CLAIM> = {}) => {
      const claimed = await db.conversions.claim(id, { ...CLAIM, ...change });
      if (!claimed) throw new Error("the stage could not claim its conversion");
      return claimed.lease;
    };
    const result = (id: string): StoredResult => ({
      imageId: `img_${id.slice(4)}`,
      mime: "image/jpeg",
      bytes: 10,
      width: 64,
      height: 64,
      sha256: "00",
      provider: "local",
      model: "m",
      degraded: false,
    });
    const usage = async () => {
      const found = await db.quota.usage(userId, "2026-11");
      return { used: found?.used, reserved: found?.reserved };
    };
    return { db, userId, input, personImageId, conversion, conditions, create, claim, result, usage };
  }

  function record(id: string, key: string): IdempotencyRecord {
    return {
      operation: "conversions.create",
      key,
      fingerprint: "f",
      conversionId: id,
      status: 202,
      body: `{"id":"${id}"}`,
      lockedUntil: 0,
      expiresAt: NOW + 86_400_000,
    };
  }

  describe(`${name}: creating`, () => {
    it("reserves one unit, writes the first event and an outbox entry with the row", async () => {
      const { db, userId, create, usage } = await stage();
      const id = await create();
      expect(await db.conversions.find(userId, id)).toMatchObject({ id, status: "queued", version: 1, attempt: 0 });
      expect(await usage()).toEqual({ used: 0, reserved: 1 });
      expect(await db.eventsOf(id)).toEqual([
        { version: 1, type: "conversion.queued", status: "queued", cause: "created" },
      ]);
      const due = await db.outbox.listDue(["conversion.run"], NOW + 15_000, 1000);
      expect(due.some((entry) => entry.topic === "conversion.run" && entry.payload.conversionId === id)).toBe(true);
    });

    it("lets exactly as many racing creates through as units are left", async () => {
      const { db, userId, conversion, conditions, usage } = await stage({ units: 3 });
      const outcomes = await times(20, () => db.conversions.create(conversion(), conditions()));
      expect(outcomes.filter((outcome) => outcome.kind === "created")).toHaveLength(3);
      expect(outcomes.filter((outcome) => outcome.kind === "quota_exceeded")).toHaveLength(17);
      expect(await usage()).toEqual({ used: 0, reserved: 3 });
      expect(await db.countRows("conversions", userId)).toBe(3);
    });

    it("lets exactly as many racing creates through as may run at once", async () => {
      const { db, conversion, conditions } = await stage({ maxConcurrent: 4 });
      const outcomes = await times(12, () => db.conversions.create(conversion(), conditions()));
      expect(outcomes.filter((outcome) => outcome.kind === "created")).toHaveLength(4);
      expect(outcomes.filter((outcome) => outcome.kind === "concurrency_limit")).toHaveLength(8);
    });

    it("gives one key to one of twenty racing requests and shows the others its answer", async () => {
      const { db, userId, conversion, conditions, usage } = await stage();
      const outcomes = await times(20, () => {
        const made = conversion();
        return db.conversions.create(made, conditions({ idempotency: record(made.id, "k1") }));
      });
      expect(outcomes.filter((outcome) => outcome.kind === "created")).toHaveLength(1);
      const known = outcomes.filter((outcome) => outcome.kind === "known_key");
      expect(known).toHaveLength(19);
      expect(new Set(known.map((outcome) => outcome.record.conversionId)).size).toBe(1);
      expect(await usage()).toEqual({ used: 0, reserved: 1 });
      expect(await db.countRows("conversions", userId)).toBe(1);
    });

    it("keeps a key for its owner alone and frees it when it has expired", async () => {
      const { db, userId, conversion, conditions } = await stage();
      const first = conversion();
      await db.conversions.create(first, conditions({ idempotency: record(first.id, "k2") }));
      expect(await db.conversions.findIdempotencyRecord("usr_other", "conversions.create", "k2", NOW)).toBeNull();
      const later = NOW + 86_400_001;
      expect(await db.conversions.findIdempotencyRecord(userId, "conversions.create", "k2", later)).toBeNull();
      const second = conversion({ createdAt: later, deadlineAt: later + 1000 });
      const again = conditions({ idempotency: { ...record(second.id, "k2"), expiresAt: later + 86_400_000 } });
      expect(await db.conversions.create(second, again)).toEqual({ kind: "created" });
    });

    it("refuses images that are missing or another's, and keeps no row of images sent along", async () => {
      const { db, userId, input, conversion, conditions, usage } = await stage();
      const foreign = await db.newImage(await db.newUser());
      const newImage = {
        id: newId("img", NOW),
        userId,
        kind: "person" as const,
        mime: "image/png" as const,
        bytes: 1,
        width: 64,
        height: 64,
        sha256: "00",
        originalKey: "a",
        thumbnailKey: "b",
        createdAt: NOW,
      };
      const before = await db.countRows("images", userId);
      const refused = conversion({ input: { ...input, personImageId: newImage.id, styleImageId: foreign } });
      expect(await db.conversions.create(refused, conditions({ newImages: [newImage] }))).toEqual({
        kind: "image_not_found",
        imageId: foreign,
      });
      expect(await db.countRows("images", userId)).toBe(before);
      const accepted = conversion({ input: { ...input, personImageId: newImage.id } });
      expect(await db.conversions.create(accepted, conditions({ newImages: [newImage] }))).toEqual({ kind: "created" });
      expect(await db.countRows("images", userId)).toBe(before + 1);
      expect(await usage()).toEqual({ used: 0, reserved: 1 });
    });
  });

  describe(`${name}: working`, () => {
    it("lets one of twenty racing workers claim a job", async () => {
      const { db, create } = await stage();
      const id = await create();
      const claims = await times(20, () => db.conversions.claim(id, CLAIM));
      expect(claims.filter((claimed) => claimed !== null)).toHaveLength(1);
    });

    it("gives a job whose lease ran out to another worker, and refuses every write of the first", async () => {
      const { db, userId, create, claim, result, usage } = await stage();
      const id = await create();
      const stale = await claim(id);
      expect(await db.conversions.claim(id, { ...CLAIM, now: NOW + LEASE_MS - 1 })).toBeNull();
      const later = NOW + LEASE_MS;
      const fresh = await claim(id, { now: later });
      expect(await db.conversions.renewLease(stale, later + LEASE_MS)).toBe(false);
      expect(
        await db.conversions.advance(stale, { stage: "encoding", progress: 80 }, { now: later, leaseMs: LEASE_MS }),
      ).toBe(false);
      expect(await db.conversions.succeed(stale, result(id), { now: later, answerOutboxId: null })).toBe(false);
      expect(await db.conversions.fail(stale, "no_image", later)).toBe(false);
      const back = { ...BACK, notBefore: later, now: later, outboxId: newId("obx", later) };
      expect(await db.conversions.requeue(stale, back)).toBe(false);
      expect(await usage()).toEqual({ used: 0, reserved: 1 });
      expect(await db.countRows("images", userId)).toBe(1);
      expect(await db.conversions.succeed(fresh, result(id), { now: later, answerOutboxId: null })).toBe(true);
      expect(await db.conversions.find(userId, id)).toMatchObject({ status: "succeeded", attempt: 2, progress: 100 });
    });

    it("commits one unit for a success, however often it is reported", async () => {
      const { db, userId, create, claim, result, usage } = await stage();
      const id = await create();
      const lease = await claim(id);
      const reports = await times(5, () =>
        db.conversions.succeed(lease, result(id), { now: NOW + 1, answerOutboxId: null }),
      );
      expect(reports.filter(Boolean)).toHaveLength(1);
      expect(await usage()).toEqual({ used: 1, reserved: 0 });
      expect(await db.conversions.find(userId, id)).toMatchObject({ result: { imageId: `img_${id.slice(4)}` } });
      expect((await db.eventsOf(id)).map((event) => event.type)).toEqual([
        "conversion.queued",
        "conversion.processing",
        "conversion.succeeded",
      ]);
    });

    it("ends a race of success, cancel, failure and expiry in one state with one ledger entry", async () => {
      const { db, userId, create, claim, result, usage } = await stage();
      for (let round = 0; round < 5; round++) {
        const id = await create({ deadlineAt: NOW + 10 });
        const lease = await claim(id);
        const [succeeded, canceled, failed, expired] = await Promise.all([
          db.conversions.succeed(lease, result(id), { now: NOW + 9, answerOutboxId: null }),
          db.conversions.cancel(userId, id, NOW + 9),
          db.conversions.fail(lease, "no_image", NOW + 9),
          db.conversions.expire(id, NOW + 10),
        ]);
        expect([succeeded, canceled, failed, expired].filter(Boolean)).toHaveLength(1);
        const ended = await db.conversions.find(userId, id);
        expect(ended?.usage.state).toBe(succeeded ? "committed" : "released");
        expect((await db.eventsOf(id)).length).toBe(ended?.version);
      }
      expect((await usage()).reserved).toBe(0);
    });

    it("does not start a job before its time, after its deadline, or beyond its attempts", async () => {
      const { db, create, claim } = await stage();
      const id = await create();
      const lease = await claim(id);
      const outboxId = newId("obx", NOW);
      const notBefore = NOW + 5_000;
      expect(await db.conversions.requeue(lease, { ...BACK, notBefore, now: NOW, outboxId })).toBe(true);
      expect(await db.conversions.claim(id, { ...CLAIM, now: notBefore - 1 })).toBeNull();
      expect(await db.conversions.claim(id, { ...CLAIM, now: NOW + 600_000 })).toBeNull();
      expect(await db.conversions.claim(id, { ...CLAIM, now: notBefore, maxAttempts: 1 })).toBeNull();
      const spent = await db.conversions.claim(id, { ...CLAIM, now: notBefore, maxAttempts: 1, attemptsSpent: true });
      expect(spent?.conversion.attempt).toBe(1);
    });

    it("gives an attempt back that came to no call, and remembers why the last one failed", async () => {
      const { db, userId, create, claim } = await stage();
      const id = await create();
      const back = (lease: Lease, change: Partial<RequeueOptions>) =>
        db.conversions.requeue(lease, { ...BACK, notBefore: NOW, now: NOW, outboxId: newId("obx", NOW), ...change });
      await back(await claim(id), {});
      expect(await db.conversions.find(userId, id)).toMatchObject({ attempt: 1, lastFailure: "no_image" });
      await back(await claim(id), { failure: null, keepAttempt: true });
      expect(await db.conversions.find(userId, id)).toMatchObject({ attempt: 1, lastFailure: "no_image" });
    });

    it("tells a worker whether it still holds its job, and never lets progress fall", async () => {
      const { db, userId, create, claim } = await stage();
      const id = await create();
      const lease = await claim(id);
      const times = { now: NOW, leaseMs: LEASE_MS };
      expect(await db.conversions.advance(lease, { stage: "generating", progress: 60 }, times)).toBe(true);
      expect(await db.conversions.advance(lease, { stage: "encoding", progress: 70 }, times)).toBe(true);
      expect(await db.conversions.advance(lease, { stage: "generating", progress: 65 }, times)).toBe(true);
      expect(await db.conversions.find(userId, id)).toMatchObject({ stage: "encoding", progress: 70 });
      expect(await db.conversions.holdsLease(lease)).toBe(true);
      await db.conversions.cancel(userId, id, NOW);
      expect(await db.conversions.holdsLease(lease)).toBe(false);
    });

    it("counts who waits before whom, up to a limit, and gives no place to those that don't wait", async () => {
      const { db, create, claim } = await stage();
      const ids = [];
      for (let i = 0; i < 5; i++) ids.push(await create({ id: newId("cnv", NOW - 1_000_000_000 + i) }));
      const before = await db.conversions.queuePositions(ids, 1_000);
      expect(ids.map((id) => before.get(id))).toEqual([0, 1, 2, 3, 4]);
      await claim(ids[1] as string);
      const after = await db.conversions.queuePositions(ids, 2);
      expect(ids.map((id) => after.get(id))).toEqual([0, undefined, 1, 2, 2]);
    });

    it("releases the unit to the period it came from", async () => {
      const { db, userId, conversion, conditions } = await stage();
      const made = conversion();
      await db.conversions.create(made, conditions({ period: "2026-10" }));
      await db.conversions.cancel(userId, made.id, NOW);
      expect(await db.quota.usage(userId, "2026-10")).toMatchObject({ used: 0, reserved: 0 });
      expect(await db.conversions.find(userId, made.id)).toMatchObject({
        status: "canceled",
        usage: { period: "2026-10", state: "released" },
      });
    });
  });

  describe(`${name}: the client's verbs`, () => {
    it("changes client fields once for each version named", async () => {
      const { db, userId, create } = await stage();
      const id = await create();
      const outcomes = await times(5, (i) =>
        db.conversions.updateClientFields(userId, id, { title: `t${i}` }, { expectedVersion: 1, now: NOW }),
      );
      expect(outcomes.filter((outcome) => outcome === "updated")).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === "stale")).toHaveLength(4);
      const any = { expectedVersion: null, now: NOW };
      expect(await db.conversions.updateClientFields(userId, id, { favorite: true }, any)).toBe("updated");
      expect(await db.conversions.find(userId, id)).toMatchObject({ favorite: true, version: 3 });
      expect(await db.conversions.updateClientFields("usr_other", id, { title: "x" }, any)).toBeNull();
    });

    it("deletes once, releases what was reserved and refunds nothing that was used", async () => {
      const { db, userId, create, claim, result, usage } = await stage();
      const active = await create();
      const done = await create();
      await db.conversions.succeed(await claim(done), result(done), { now: NOW, answerOutboxId: null });
      const removals = await times(3, () => db.conversions.remove(userId, active, NOW));
      expect(removals.filter((removal) => removal !== null)).toHaveLength(1);
      expect(await db.conversions.remove("usr_other", done, NOW)).toBeNull();
      expect(await db.conversions.remove(userId, done, NOW)).not.toBeNull();
      expect(await db.conversions.find(userId, done)).toBeNull();
      expect(await usage()).toEqual({ used: 1, reserved: 0 });
    });

    it("pages newest first, by status and kind, without gaps or repeats under inserts and deletes", async () => {
      const { db, userId, create } = await stage({ units: 100 });
      const ids: string[] = [];
      for (let i = 0; i < 7; i++) ids.push(await create({ id: newId("cnv", NOW + i) }));
      const all = { status: null, kind: null };
      const first = await db.conversions.list(userId, all, { limit: 3, afterKey: null });
      expect(first.items.map((item) => item.id)).toEqual(ids.slice(4).reverse());
      await create({ id: newId("cnv", NOW + 100) });
      await db.conversions.remove(userId, first.nextKey as string, NOW);
      const second = await db.conversions.list(userId, all, { limit: 10, afterKey: first.nextKey });
      expect(second.items.map((item) => item.id)).toEqual(ids.slice(0, 4).reverse());
      expect(second.nextKey).toBeNull();
      const none = await db.conversions.list(userId, { status: "succeeded", kind: null }, { limit: 3, afterKey: null });
      expect(none.items).toEqual([]);
      expect(
        (await db.conversions.list(userId, { status: "queued", kind: "style" }, { limit: 9, afterKey: null })).items,
      ).toHaveLength(7);
    });

    it("keeps where a conversion came from, for whoever reads it or wakes it", async () => {
      const { db, userId, create, claim } = await stage();
      const origin = { requestId: 'req "1"', traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` };
      const [known, unknown] = [await create({ origin }), await create()];
      expect(await db.conversions.find(userId, known)).toMatchObject({ origin });
      expect(await db.conversions.find(userId, unknown)).toMatchObject({ origin: null });
      const wakes = await db.conversions.listWakes(NOW, 10_000);
      expect(wakes).toContainEqual({ id: known, wakeAt: NOW, origin });
      expect(wakes).toContainEqual({ id: unknown, wakeAt: NOW, origin: null });
      await claim(known);
      await db.conversions.cancel(userId, known, NOW);
      expect(await db.conversions.inspect(known)).toMatchObject({ status: "canceled", origin });
    });

    it("finds the conversions that are out of time or overdue for a message", async () => {
      const { db, userId, create } = await stage();
      const soon = await create({ deadlineAt: NOW + 1 });
      await create();
      expect(await db.conversions.listOverdue(userId, NOW + 1, 10)).toEqual([soon]);
      const wakes = await db.conversions.listWakes(NOW, 10_000);
      expect(wakes.some((wake) => wake.id === soon && wake.wakeAt === NOW)).toBe(true);
    });
  });
}
