import { drizzle } from "drizzle-orm/d1";
import { expect, it } from "vitest";
import { LATEST_MIGRATION } from "../../../src/db/d1/latest-migration.ts";
import { createD1BusinessMetrics } from "../../../src/db/d1/repositories/business-metrics.ts";
import { createD1ProviderCalls } from "../../../src/db/d1/repositories/provider-calls.ts";
import { businessCounters } from "../../../src/db/d1/schema/index.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { METRICS } from "../../../src/kernel/metric-registry.ts";
import { conversionInput, createConditions, newConversion } from "../../factories.ts";
import { bindings, d1, db, insertImage, insertUser } from "../support/database.ts";

const NOW = Date.UTC(2026, 10, 15, 12);
const DAY_MS = 24 * 60 * 60_000;
const metrics = createD1BusinessMetrics(db);
const calls = createD1ProviderCalls(db);

async function create(createdAt: number): Promise<string> {
  const userId = await insertUser();
  const made = newConversion(userId, conversionInput(await insertImage(userId)), { createdAt });
  const conditions = createConditions(createdAt, { outboxDueAt: NOW + DAY_MS });
  expect(await d1.conversions.create(made, conditions)).toEqual({ kind: "created" });
  return made.id;
}

it("an empty database has nothing to tell but its latest migration", async () => {
  expect(await metrics.latestMigration()).toBe(LATEST_MIGRATION);
  expect(await metrics.read(NOW)).toEqual({
    counters: [],
    models: [],
    spentTodayMicros: 0,
    active: { queued: 0, processing: 0 },
    lagMs: 0,
    outboxDue: 0,
  });
});

it("active conversions are told by status, and the lag is that of the oldest that is due", async () => {
  const old = await create(NOW - 90_000);
  await create(NOW - 5_000);
  await create(NOW + 60_000);
  expect(await metrics.read(NOW)).toMatchObject({ active: { queued: 3, processing: 0 }, lagMs: 90_000 });
  const claim = { now: NOW, leaseMs: 30_000, maxAttempts: 4, attemptsSpent: false };
  const lease = (await d1.conversions.claim(old, claim))?.lease;
  expect(await metrics.read(NOW)).toMatchObject({ active: { queued: 2, processing: 1 }, lagMs: 5_000 });
  // Its worker was never heard of again.
  expect(await metrics.read(NOW + 130_000)).toMatchObject({ lagMs: 135_000 });
  if (lease) await d1.conversions.fail(lease, "no_image", NOW);
  expect(await metrics.read(NOW)).toMatchObject({ active: { queued: 2, processing: 0 } });
  expect(await metrics.read(NOW - 60_000)).toMatchObject({ lagMs: 0 });
});

it("counters come with their labels in the registry's order, without those that nobody here knows", async () => {
  await db.insert(businessCounters).values([
    { name: "of_another_version_total", labels: "[]", value: 1 },
    { name: "dead_letters_total", labels: '["of another shape"]', value: 1 },
    { name: "http_requests_total", labels: '["GET","/","200"]', value: 1 },
    { name: "conversions_total", labels: '["style","gemini","succeeded"]', value: 2 ** 40 },
  ]);
  const { counters } = await metrics.read(NOW);
  expect(counters).toContainEqual({ name: "conversions_created_total", values: ["style"], value: 3 });
  expect(counters).toContainEqual({ name: "quota_units_total", values: ["released"], value: 1 });
  const values = ["style", "gemini", "succeeded"];
  expect(counters).toContainEqual({ name: "conversions_total", values, value: 2 ** 40 });
  for (const { name, values } of counters) {
    expect(METRICS[name].source).toBe("database");
    expect(values).toHaveLength(METRICS[name].labels.length);
  }
  expect(counters.map(({ name }) => name as string)).not.toContain("dead_letters_total");
});

it("costs and tokens are summed over all days by model, the day's spend with what is only expected yet", async () => {
  const begin = async (model: string, startedAt: number) => {
    const id = newId("pcl", startedAt);
    const call = { id, conversionId: "cnv", attempt: 1, provider: "gemini", model } as const;
    await calls.begin({ ...call, expectedMicros: 100, budgetMicros: null, startedAt });
    return id;
  };
  const settle = (id: string, costMicros: number) => {
    const usage = { promptTokens: 3, outputTokens: 7, costMicros };
    return calls.settle(id, { outcome: "success", usage, free: false, endedAt: NOW });
  };
  await settle(await begin("a", NOW - DAY_MS), 40);
  await settle(await begin("a", NOW), 50);
  await begin("a", NOW);
  await settle(await begin("b", NOW), 5);
  const { models, spentTodayMicros } = await metrics.read(NOW);
  expect(models).toEqual([
    { provider: "gemini", model: "a", costMicros: 90, promptTokens: 6, outputTokens: 14 },
    { provider: "gemini", model: "b", costMicros: 5, promptTokens: 3, outputTokens: 7 },
  ]);
  expect(spentTodayMicros).toBe(155);
  expect((await metrics.read(NOW - DAY_MS)).spentTodayMicros).toBe(40);
});

it("due promises are counted, up to a thousand", async () => {
  const insert = (n: number, dueAt: number) =>
    db.run(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${n})
      INSERT INTO outbox (id, topic, payload, due_at, created_at)
      SELECT 'obx_${dueAt}_' || i, 'objects.delete', '{"keys":[]}', ${dueAt}, 0 FROM n`);
  await insert(7, 5);
  await insert(3, 6);
  expect((await metrics.read(4)).outboxDue).toBe(0);
  expect((await metrics.read(5)).outboxDue).toBe(7);
  expect((await metrics.read(6)).outboxDue).toBe(10);
  await insert(1_500, 7);
  expect((await metrics.read(7)).outboxDue).toBe(1_000);
});

it("a reading is one round trip, also while it fails, and asks nothing of the record of migrations", async () => {
  const trips: number[] = [];
  const counting = new Proxy(bindings.DB, {
    get(target, key) {
      const value = Reflect.get(target, key);
      if (key === "batch") {
        return (statements: D1PreparedStatement[]) => {
          trips.push(statements.length);
          return target.batch(statements);
        };
      }
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const counted = createD1BusinessMetrics(drizzle<Record<string, never>>(counting));
  const read = () => counted.read(NOW);
  const whole = await read();
  expect(trips).toEqual([6]);
  await bindings.DB.exec("ALTER TABLE d1_migrations RENAME TO elsewhere");
  expect(await read()).toEqual(whole);
  expect(await counted.latestMigration()).toBeNull();
  await bindings.DB.exec("ALTER TABLE elsewhere RENAME TO d1_migrations");
  expect(await read()).toEqual(whole);
  await bindings.DB.exec("ALTER TABLE business_counters RENAME TO elsewhere");
  await expect(read()).rejects.toThrow();
  await bindings.DB.exec("ALTER TABLE elsewhere RENAME TO business_counters");
  expect(await counted.latestMigration()).toBe(LATEST_MIGRATION);
  expect(trips).toEqual([6, 6, 6, 6]);
});
