import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RateGrowth, RateWindow, TakeRequest } from "../../../durable-objects/rate-limiter/contract.ts";
import {
  DAY_MS,
  freezeClock,
  HOUR_MS,
  isAllowed,
  MINUTE_MS,
  newLimiterObject,
  setClock,
  storedCounts,
  THREE_AN_HOUR,
  taken,
} from "../support/limiter-object.ts";
import { arbitrarySteps, arbitraryWindows, NaiveLimiter } from "../support/naive-limiter.ts";

const GROWTH: RateGrowth = { share: 0.5, bucketMs: HOUR_MS, lookbackMs: DAY_MS };

freezeClock();

it("2,000 concurrent takes at a limit of three let exactly three through", async () => {
  const stub = newLimiterObject();
  const answers = await Promise.all(Array.from({ length: 2_000 }, () => stub.take(THREE_AN_HOUR)));
  expect(answers.filter((answer) => answer.allowed)).toHaveLength(3);
  expect(await storedCounts(stub)).toEqual({ takes: 3, settled: 0 });
});

it("the take above the limit is refused one millisecond before the window's end and let through at its end", async () => {
  const stub = newLimiterObject();
  for (let i = 0; i < 3; i++) {
    setClock(i * MINUTE_MS);
    await taken(stub);
  }
  setClock(HOUR_MS - 1);
  expect(await stub.take(THREE_AN_HOUR)).toEqual({
    allowed: false,
    retryAfterMs: 1,
    pending: 0,
    windows: [{ limit: 3, remaining: 0, resetMs: 1 }],
  });
  setClock(HOUR_MS);
  expect(await stub.take(THREE_AN_HOUR)).toMatchObject({
    allowed: true,
    windows: [{ limit: 3, remaining: 0, resetMs: MINUTE_MS }],
  });
  expect(await isAllowed(stub)).toBe(false);
});

it("what is refused is not counted and extends nothing", async () => {
  const stub = newLimiterObject();
  for (let i = 0; i < 3; i++) await taken(stub);
  for (let ms = 0; ms < HOUR_MS; ms += 6 * MINUTE_MS) {
    setClock(ms);
    expect((await Promise.all(Array.from({ length: 10 }, () => isAllowed(stub)))).includes(true)).toBe(false);
  }
  expect(await storedCounts(stub)).toMatchObject({ takes: 3 });
  setClock(HOUR_MS);
  expect(await isAllowed(stub)).toBe(true);
});

it("a take is counted in every window or in none", async () => {
  const stub = newLimiterObject();
  const windows: RateWindow[] = [
    { limit: 1, windowMs: MINUTE_MS },
    { limit: 2, windowMs: HOUR_MS },
    { limit: 3, windowMs: DAY_MS },
  ];
  const retryAfter = async () => {
    const answer = await stub.take({ windows });
    return answer.allowed ? 0 : answer.retryAfterMs;
  };
  expect(await retryAfter()).toBe(0);
  for (let i = 0; i < 5; i++) expect(await retryAfter()).toBe(MINUTE_MS);
  setClock(MINUTE_MS);
  expect(await retryAfter()).toBe(0);
  // Both the minute and the hour refuse: the longer wait is told.
  expect(await retryAfter()).toBe(HOUR_MS - MINUTE_MS);
  setClock(HOUR_MS);
  expect(await retryAfter()).toBe(0);
  setClock(2 * HOUR_MS);
  expect(await retryAfter()).toBe(22 * HOUR_MS);
  setClock(DAY_MS);
  expect(await retryAfter()).toBe(0);
});

it("a clock that is set back opens no window early", async () => {
  const stub = newLimiterObject();
  for (let i = 0; i < 3; i++) await taken(stub);
  setClock(-2 * HOUR_MS);
  expect(await isAllowed(stub)).toBe(false);
  await evictDurableObject(stub);
  expect(await isAllowed(stub)).toBe(false);
  setClock(HOUR_MS);
  expect(await isAllowed(stub)).toBe(true);
});

describe("giving back", () => {
  it("frees exactly one place however often it is repeated", async () => {
    const stub = newLimiterObject();
    const first = await taken(stub);
    await taken(stub);
    await taken(stub);
    await Promise.all(Array.from({ length: 20 }, () => stub.giveBack(first)));
    expect(await isAllowed(stub)).toBe(true);
    await stub.giveBack(first);
    expect(await isAllowed(stub)).toBe(false);
  });

  it("never undoes a later take of the same millisecond", async () => {
    const stub = newLimiterObject();
    const first = await taken(stub);
    await stub.giveBack(first);
    for (let i = 0; i < 3; i++) expect(await taken(stub)).not.toBe(first);
    await stub.giveBack(first);
    expect(await isAllowed(stub)).toBe(false);
  });

  it("changes nothing once the take is over or the object was emptied", async () => {
    const stub = newLimiterObject();
    const old = await taken(stub);
    setClock(HOUR_MS);
    for (let i = 0; i < 3; i++) await taken(stub);
    await stub.giveBack(old);
    expect(await isAllowed(stub)).toBe(false);
    setClock(2 * HOUR_MS);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    await stub.giveBack(old);
    await stub.settle(old, GROWTH);
    for (let i = 0; i < 3; i++) await taken(stub);
    await stub.giveBack(old);
    expect(await isAllowed(stub)).toBe(false);
  });
});

it("clearing forgets every take at once", async () => {
  const stub = newLimiterObject();
  await stub.clear();
  const lock: TakeRequest = { windows: [{ kind: "lock", limit: 5, windowMs: 15 * MINUTE_MS }] };
  for (let i = 0; i < 5; i++) await taken(stub, lock);
  expect(await isAllowed(stub, lock)).toBe(false);
  await stub.clear();
  expect(await storedCounts(stub)).toEqual({});
  for (let i = 0; i < 5; i++) await taken(stub, lock);
  expect(await isAllowed(stub, lock)).toBe(false);
});

it("answers as its definition does over random takes, pauses, give-backs and evictions", async () => {
  const sequence = fc.tuple(arbitraryWindows(MINUTE_MS), arbitrarySteps(MINUTE_MS, 40), fc.nat(40));
  await fc.assert(
    fc.asyncProperty(sequence, async ([windows, steps, evictAt]) => {
      const stub = newLimiterObject();
      const model = new NaiveLimiter(windows);
      const ids: number[] = [];
      let now = 0;
      for (const [i, step] of steps.entries()) {
        if (step.do === "advance") now += step.ms;
        setClock(now);
        if (step.do === "take") {
          const wait = model.retryAfterMs(now);
          const answer = await stub.take({ windows });
          expect(answer.allowed ? 0 : answer.retryAfterMs).toBe(wait);
          if (answer.allowed) {
            model.record(answer.takeId, now);
            ids.push(answer.takeId);
          }
          expect(answer.windows).toEqual(model.states(now));
        } else if (step.do === "giveBack") {
          const id = ids.at(-1 - step.nth) ?? 0;
          model.giveBack(id);
          await stub.giveBack(id);
        } else if (step.do === "clear") {
          model.clear();
          await stub.clear();
        }
        if (i === evictAt && ids.length > 0) await evictDurableObject(stub);
      }
    }),
    { numRuns: 50 },
  );
});
