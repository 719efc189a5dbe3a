import { inArray } from "drizzle-orm";
import { expect, it } from "vitest";
import { createD1AccountErasure } from "../../../src/db/d1/repositories/account-erasure.ts";
import { createD1DeadLetters } from "../../../src/db/d1/repositories/dead-letters.ts";
import { createD1Housekeeping } from "../../../src/db/d1/repositories/housekeeping.ts";
import { createD1ProviderCalls } from "../../../src/db/d1/repositories/provider-calls.ts";
import { providerCalls } from "../../../src/db/d1/schema/index.ts";
import { dayOf } from "../../../src/kernel/clock.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { db, insertUser } from "../support/database.ts";
import { DEAD_QUEUE } from "./support.ts";

const DAY_MS = 24 * 60 * 60_000;
const calls = createD1ProviderCalls(db);
const letters = createD1DeadLetters(db);
const housekeeping = createD1Housekeeping(db);
const GEMINI = { provider: "gemini", model: "m", attempt: 1, expectedMicros: 5, budgetMicros: null } as const;

async function letter(receivedAt: number, conversionId: string | null = null): Promise<string> {
  const id = newId("dlt", receivedAt);
  const row = { id, queue: DEAD_QUEUE, messageId: id, conversionId, body: "{}", attempts: 1 };
  await letters.record({ ...row, outcome: "failed", receivedAt });
  return id;
}

async function call(startedAt: number, conversionId = newId("cnv", startedAt)): Promise<string> {
  const id = newId("pcl", startedAt);
  await calls.begin({ ...GEMINI, id, conversionId, startedAt });
  return id;
}

async function callsLeft(ids: readonly string[]): Promise<string[]> {
  const rows = await db
    .select({ id: providerCalls.id })
    .from(providerCalls)
    .where(inArray(providerCalls.id, [...ids]));
  return rows.map(({ id }) => id);
}

it("letters and calls go after 90 days, the sums of their costs never", async () => {
  const now = 2_000_000_000_000;
  const [oldLetter, letterKept] = [await letter(now - 90 * DAY_MS - 1), await letter(now - 90 * DAY_MS)];
  const [oldCall, callKept] = [await call(now - 90 * DAY_MS - 1), await call(now - 90 * DAY_MS)];
  expect(await housekeeping.deleteExpired(now)).toBeGreaterThanOrEqual(2);
  expect(await letters.find(oldLetter)).toBeNull();
  expect(await letters.find(letterKept)).not.toBeNull();
  expect(await callsLeft([oldCall, callKept])).toEqual([callKept]);
  const day = dayOf(now - 90 * DAY_MS - 1);
  expect((await calls.spend({ fromDay: day, toDay: day }, 10))[0]?.calls).toBeGreaterThanOrEqual(1);
});

it("very many old calls go a batch a run, until none is left", async () => {
  const startedAt = 1_000_000_000_000;
  const rows = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
    INSERT INTO provider_calls (id, conversion_id, day, provider, model, attempt, outcome, cost_micros, started_at)
    SELECT 'pcl_many_' || i, 'cnv_many', '2001-09-09', 'gemini', 'm', 1, 'success', 1, ${startedAt} FROM n`;
  await db.run(rows);
  const left = async () => (await calls.ofConversion("cnv_many")).length;
  await housekeeping.deleteExpired(startedAt + 91 * DAY_MS);
  expect(await left()).toBe(500);
  await housekeeping.deleteExpired(startedAt + 91 * DAY_MS);
  expect(await left()).toBe(0);
});

const ended = { outcome: "success", usage: null, free: false, endedAt: Date.now() } as const;

it("erasing an account leaves a call under way to be settled: the day's sums hold what it may cost", async () => {
  const userId = await insertUser();
  const at = Date.UTC(2031, 0, 1);
  const day = dayOf(at);
  const mine = newId("cnv", at);
  const id = await call(at, mine);
  await createD1AccountErasure(db).eraseRows(userId, { conversionIds: [mine], imageIds: [], objectKeys: [] });
  const spend = () => calls.spend({ fromDay: day, toDay: day }, 10);
  expect(await spend()).toMatchObject([{ calls: 1, succeeded: 0, reservedMicros: 5 }]);
  await calls.settle(id, { ...ended, usage: { promptTokens: 1, outputTokens: 1, costMicros: 3 } });
  expect(await spend()).toMatchObject([{ calls: 1, succeeded: 1, costMicros: 3, reservedMicros: 0 }]);
});

it("erasing an account takes the calls and letters about its conversions along, and no others", async () => {
  const userId = await insertUser();
  const [mine, other] = [newId("cnv", Date.now()), newId("cnv", Date.now())];
  const ids = { calls: [await call(Date.now(), mine), await call(Date.now(), other)] };
  for (const id of ids.calls) await calls.settle(id, ended);
  const [letterOfMine, letterOfOther] = [await letter(Date.now(), mine), await letter(Date.now(), other)];
  const today = dayOf(Date.now());
  const before = await calls.spend({ fromDay: today, toDay: today }, 10);
  await createD1AccountErasure(db).eraseRows(userId, { conversionIds: [mine], imageIds: [], objectKeys: [] });
  expect(await callsLeft(ids.calls)).toEqual([ids.calls[1]]);
  expect(await letters.find(letterOfMine)).toBeNull();
  expect(await letters.find(letterOfOther)).not.toBeNull();
  expect(await calls.spend({ fromDay: today, toDay: today }, 10)).toEqual(before);
});
