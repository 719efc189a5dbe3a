import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { RateGrowth, TakeRequest } from "../../../durable-objects/rate-limiter/contract.ts";
import {
  DAY_MS,
  freezeClock,
  HOUR_MS,
  isAllowed,
  type LimiterObject,
  MINUTE_MS,
  newLimiterObject,
  setClock,
  storedCounts,
  storedRows,
  taken,
} from "../support/limiter-object.ts";

const GROWTH: RateGrowth = { share: 0.5, bucketMs: HOUR_MS, lookbackMs: DAY_MS };

freezeClock();

it("the count survives an eviction, and so does the right to give a take back", async () => {
  const stub = newLimiterObject();
  await taken(stub);
  const second = await taken(stub);
  await evictDurableObject(stub);
  await taken(stub);
  await evictDurableObject(stub);
  expect(await isAllowed(stub)).toBe(false);
  await stub.giveBack(second);
  await evictDurableObject(stub);
  expect(await isAllowed(stub)).toBe(true);
  expect(await isAllowed(stub)).toBe(false);
});

it("a busy key keeps its live takes and a bounded number of dead ones", async () => {
  const stub = newLimiterObject();
  const request = { windows: [{ limit: 5, windowMs: MINUTE_MS }] };
  for (let i = 0; i < 300; i++) {
    setClock(i * 20_000);
    await taken(stub, request);
  }
  expect((await storedCounts(stub)).takes).toBeLessThanOrEqual(5 + 64);
});

describe("growth", () => {
  const request: TakeRequest = { windows: [{ limit: 3, windowMs: HOUR_MS }], growth: GROWTH };
  const limitOf = async (stub: LimiterObject) => {
    const answer = await stub.take(request);
    if (answer.allowed) await stub.giveBack(answer.takeId);
    return answer.windows[0]?.limit;
  };

  it("what was settled is free again and raises the limit to its share of the best bucket", async () => {
    const stub = newLimiterObject();
    for (let settled = 1; settled <= 10; settled++) {
      await stub.settle(await taken(stub, request), GROWTH);
      expect(await limitOf(stub)).toBe(Math.max(3, Math.floor(settled / 2)));
    }
    const answers = await Promise.all(Array.from({ length: 50 }, () => stub.take(request)));
    expect(answers.filter((answer) => answer.allowed)).toHaveLength(5);
  });

  it("a take settles once, and neither after it was given back nor after it was over", async () => {
    const stub = newLimiterObject();
    const once = await taken(stub, request);
    await Promise.all(Array.from({ length: 20 }, () => stub.settle(once, GROWTH)));
    const back = await taken(stub, request);
    await stub.giveBack(back);
    await stub.settle(back, GROWTH);
    const { settled } = await storedRows(stub);
    expect(settled).toEqual([{ bucket: setClock(0), n: 1, ends_at: setClock(25 * HOUR_MS) }]);
  });

  it("buckets that are over go with the first settling of a new one, alarm or not", async () => {
    const stub = newLimiterObject();
    for (let hour = 0; hour < 60; hour++) {
      setClock(hour * HOUR_MS);
      await stub.settle(await taken(stub, request), GROWTH);
    }
    const { settled } = await storedRows(stub);
    expect(settled).toHaveLength(25);
  });

  it("buckets are not added up, and the best one counts until its look-back ends", async () => {
    const stub = newLimiterObject();
    for (const [hour, count] of [
      [0, 12],
      [1, 8],
    ] as const) {
      setClock(hour * HOUR_MS);
      for (let i = 0; i < count; i++) await stub.settle(await taken(stub, request), GROWTH);
    }
    expect(await limitOf(stub)).toBe(6);
    await evictDurableObject(stub);
    setClock(25 * HOUR_MS - 1);
    expect(await limitOf(stub)).toBe(6);
    setClock(25 * HOUR_MS);
    expect(await limitOf(stub)).toBe(4);
    setClock(26 * HOUR_MS);
    expect(await limitOf(stub)).toBe(3);
  });
});

it("when all is over the alarm leaves nothing stored, and the object works again afterwards", async () => {
  const stub = newLimiterObject();
  await stub.settle(await taken(stub), GROWTH);
  const old = await taken(stub);
  await evictDurableObject(stub);
  setClock(HOUR_MS);
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  expect(await storedCounts(stub)).toEqual({ takes: 0, settled: 1 });
  setClock(25 * HOUR_MS);
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  expect(await storedCounts(stub)).toEqual({});
  expect(await runDurableObjectAlarm(stub)).toBe(false);
  const first = await taken(stub);
  expect(first).toBeGreaterThan(old);
  await taken(stub);
  await taken(stub);
  expect(await isAllowed(stub)).toBe(false);
  setClock(26 * HOUR_MS);
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  expect(await storedCounts(stub)).toEqual({});
});

it("an alarm that comes early forgets nothing that still counts", async () => {
  const stub = newLimiterObject();
  await taken(stub);
  setClock(HOUR_MS - 1);
  await taken(stub);
  await taken(stub);
  for (const ms of [HOUR_MS - 1, HOUR_MS]) {
    setClock(ms);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
  }
  expect(await storedCounts(stub)).toMatchObject({ takes: 2 });
  await taken(stub);
  expect(await isAllowed(stub)).toBe(false);
});
