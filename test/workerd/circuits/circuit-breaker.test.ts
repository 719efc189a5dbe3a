import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { beforeEach, describe, expect, it, vi } from "vitest";
import {
  breakerObject,
  FAILURE,
  NEUTRAL,
  openByFailures,
  PROBE_TTL_MS,
  SUCCESS,
  trip,
} from "../support/breaker-object.ts";
import { DAY_MS, freezeClock, HOUR_MS, setClock } from "../support/limiter-object.ts";

freezeClock();

beforeEach(() => {
  vi.spyOn(Math, "random").mockReturnValue(0);
  return () => vi.restoreAllMocks();
});

it("goes from closed to open, to half-open and to closed again, across an eviction at each step", async () => {
  const breaker = breakerObject();
  const { admit, admitted, report, stub } = breaker;
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    const result = await work();
    await evictDurableObject(stub);
    return result;
  };
  for (let i = 0; i < 4; i++) expect(await step(() => breaker.call(FAILURE))).toBeNull();
  expect(await step(() => breaker.call(FAILURE))).toBe("failures");
  expect(await step(admit)).toMatchObject({ allowed: false, reason: "failures", retryAfterMs: 30_000 });
  setClock(29_999);
  expect(await step(admit)).toMatchObject({ allowed: false, retryAfterMs: 1 });
  setClock(30_000);
  const probe = await step(admitted);
  expect(probe.probe).toEqual(expect.any(String));
  expect(await step(admit)).toMatchObject({ allowed: false, reason: "failures" });
  expect(await step(() => report(probe, FAILURE))).toBe("failures");
  expect(await step(admit)).toMatchObject({ allowed: false, retryAfterMs: 60_000 });
  setClock(90_000);
  const first = await step(admitted);
  expect(await step(() => report(first, SUCCESS))).toBeNull();
  const second = await step(admitted);
  expect(await step(() => report(second, SUCCESS))).toBe("closed");
  expect(await step(admit)).toMatchObject({ allowed: true, pass: { probe: null } });
  expect(await step(breaker.state)).toMatchObject({ state: "closed", calls: 0, failures: 0 });
});

describe("half-open", () => {
  it("gives one of twenty that ask at once a probe", async () => {
    const breaker = breakerObject();
    await openByFailures(breaker);
    setClock(30_000);
    const answers = await Promise.all(Array.from({ length: 20 }, breaker.admit));
    const given = answers.filter(({ allowed }) => allowed);
    expect(given).toHaveLength(1);
    expect(given[0]?.cacheMs).toBe(0);
    for (const answer of answers) if (!answer.allowed) expect(answer.retryAfterMs).toBe(5_000);
  });

  it("takes a probe for lost after its time, and its late outcome for nothing once another is out", async () => {
    const breaker = breakerObject();
    await openByFailures(breaker);
    setClock(30_000);
    const lost = await breaker.admitted();
    await evictDurableObject(breaker.stub);
    setClock(30_000 + PROBE_TTL_MS - 1);
    expect((await breaker.admit()).allowed).toBe(false);
    setClock(30_000 + PROBE_TTL_MS);
    const other = await breaker.admitted();
    expect(await breaker.report(lost, FAILURE)).toBeNull();
    expect((await breaker.state()).state).toBe("half_open");
    expect(await breaker.report(other, SUCCESS)).toBeNull();
    expect(await breaker.call(SUCCESS)).toBe("closed");
  });

  it("is freed by a probe that says nothing, without being any nearer to closing", async () => {
    const breaker = breakerObject();
    await openByFailures(breaker);
    setClock(30_000);
    for (let i = 0; i < 5; i++) expect(await breaker.call(NEUTRAL)).toBeNull();
    expect(await breaker.call(SUCCESS)).toBeNull();
    expect(await breaker.call(NEUTRAL)).toBeNull();
    expect(await breaker.call(SUCCESS)).toBe("closed");
  });

  it("counts a probe's outcome once, however often it is told", async () => {
    const breaker = breakerObject();
    await openByFailures(breaker);
    setClock(30_000);
    const probe = await breaker.admitted();
    const told = await Promise.all(Array.from({ length: 10 }, () => breaker.report(probe, SUCCESS)));
    expect(new Set(told)).toEqual(new Set([null]));
    expect((await breaker.state()).state).toBe("half_open");
  });
});

it("outcomes of calls begun before it opened or closed count for nothing", async () => {
  const breaker = breakerObject();
  const early = await Promise.all(Array.from({ length: 12 }, breaker.admitted));
  await openByFailures(breaker);
  for (const pass of early.slice(0, 6)) expect(await breaker.report(pass, SUCCESS)).toBeNull();
  expect((await breaker.state()).state).toBe("open");
  setClock(30_000);
  expect(await breaker.call(SUCCESS)).toBeNull();
  expect(await breaker.call(SUCCESS)).toBe("closed");
  for (const pass of early) expect(await breaker.report(pass, FAILURE)).toBeNull();
  expect(await breaker.report(early[0] as never, trip("config"))).toBeNull();
  expect(await breaker.state()).toMatchObject({ state: "closed", calls: 0, failures: 0 });
});

it("of parallel failures exactly one is told that it opened the circuit", async () => {
  const breaker = breakerObject();
  const passes = await Promise.all(Array.from({ length: 30 }, breaker.admitted));
  const changes = await Promise.all(passes.map((pass) => breaker.report(pass, FAILURE)));
  expect(changes.filter((change) => change !== null)).toEqual(["failures"]);
});

it("what an admin holds it at survives evictions and days, and so does letting it go", async () => {
  const breaker = breakerObject();
  const { stub, circuit, admit } = breaker;
  expect(await stub.force(circuit, "open")).toMatchObject({ state: "open", reason: "forced", force: "open" });
  await evictDurableObject(stub);
  setClock(40 * DAY_MS);
  await runDurableObjectAlarm(stub);
  expect(await admit()).toEqual({ allowed: false, reason: "forced", retryAfterMs: 30_000, cacheMs: 2_000 });
  await stub.force(circuit, "closed");
  await evictDurableObject(stub);
  for (let i = 0; i < 20; i++) expect(await breaker.call(FAILURE)).toBeNull();
  expect(await breaker.call(trip("quota_day", HOUR_MS))).toBeNull();
  await evictDurableObject(stub);
  expect(await breaker.state()).toMatchObject({ state: "closed", force: "closed", calls: 20, failures: 20 });
  await stub.force(circuit, "auto");
  await evictDurableObject(stub);
  expect(await breaker.call(FAILURE)).toBe("failures");
});

describe("what is stored", () => {
  it("is nothing at all while every call succeeds, or nobody calls", async () => {
    const breaker = breakerObject();
    await breaker.state();
    for (let i = 0; i < 20; i++) await breaker.call(i % 4 === 0 ? NEUTRAL : SUCCESS);
    expect(await breaker.state()).toMatchObject({ calls: 15, failures: 0 });
    expect(await breaker.stored()).toBeNull();
  });

  it("with a failure, is every call of its window: the share is exact across evictions", async () => {
    const breaker = breakerObject();
    for (let i = 0; i < 6; i++) await breaker.call(SUCCESS);
    await breaker.call(FAILURE);
    await evictDurableObject(breaker.stub);
    expect(await breaker.state()).toMatchObject({ calls: 7, failures: 1 });
    await breaker.call(SUCCESS);
    await evictDurableObject(breaker.stub);
    for (let i = 0; i < 5; i++) expect(await breaker.call(FAILURE)).toBeNull();
    await evictDurableObject(breaker.stub);
    expect(await breaker.call(FAILURE)).toBe("failures");
  });

  it("is not written by asking, whatever state it is in but for a probe", async () => {
    const breaker = breakerObject();
    await breaker.call(FAILURE);
    const before = await breaker.stored();
    for (const at of [1_000, 30_000, 59_000, 61_000]) {
      setClock(at);
      await breaker.admit();
      await breaker.state();
      expect(await breaker.stored()).toEqual(before);
    }
  });

  it("goes a day after the last event, by an alarm that comes too early, too late or not at all", async () => {
    const breaker = breakerObject();
    await openByFailures(breaker);
    setClock(DAY_MS);
    expect(await runDurableObjectAlarm(breaker.stub)).toBe(true);
    expect((await breaker.state()).state).toBe("half_open");
    setClock(DAY_MS + 30_000);
    expect((await breaker.state()).state).toBe("closed");
    expect(await breaker.stored()).not.toBeNull();
    expect(await runDurableObjectAlarm(breaker.stub)).toBe(true);
    expect(await breaker.stored()).toBeNull();
    expect(await runDurableObjectAlarm(breaker.stub)).toBe(false);
    await openByFailures(breaker);
    await evictDurableObject(breaker.stub);
    expect((await breaker.state()).state).toBe("open");
    setClock(3 * DAY_MS);
    expect(await runDurableObjectAlarm(breaker.stub)).toBe(true);
    expect(await breaker.stored()).toBeNull();
  });

  it("goes once an admin has let go of it", async () => {
    const { stub, circuit, stored } = breakerObject();
    await stub.force(circuit, "closed");
    expect(await runDurableObjectAlarm(stub)).toBe(false);
    await evictDurableObject(stub);
    await stub.force(circuit, "auto");
    setClock(DAY_MS);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await stored()).toBeNull();
  });
});
