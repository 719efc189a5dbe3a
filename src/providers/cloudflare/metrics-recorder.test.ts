import fc from "fast-check";
import { expect, it } from "vitest";
import type { MetricsBatch, ShardReading } from "../../../durable-objects/metrics-shard/contract.ts";
import { applyBatch, emptyShard, readingOf, type ShardState } from "../../../durable-objects/metrics-shard/shard.ts";
import { parseSeriesKey, seriesKey } from "../../kernel/metric-series.ts";
import { MetricsRecorder } from "./metrics-recorder.ts";

const WINDOW_MS = 2_000;

/** How a call of the shard goes: it may be lost on its way there or back, and it may hang. */
type Fate = "ok" | "lost" | "unacknowledged" | "hangs";

/** Time that stands still until it is moved; sleepers wake in order. */
function createTime() {
  let now = 1_000_000;
  const sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  const settle = async () => {
    for (let i = 0; i < 30; i++) await Promise.resolve();
  };
  return {
    now: () => now,
    sleep: (ms: number) => new Promise<void>((wake) => void sleepers.push({ at: now + ms, wake })),
    async advance(ms: number) {
      const end = now + ms;
      await settle();
      for (;;) {
        sleepers.sort((a, b) => a.at - b.at);
        if (sleepers[0] === undefined || sleepers[0].at > end) break;
        const next = sleepers.shift();
        now = Math.max(now, next?.at ?? now);
        next?.wake();
        await settle();
      }
      now = end;
      await settle();
    },
  };
}

/** A shard whose calls go as told; what it holds survives, as what is durable does. */
function createShard() {
  let state: ShardState = emptyShard();
  const fates: Fate[] = [];
  const batches: MetricsBatch[] = [];
  return {
    fates,
    batches,
    get reading(): ShardReading {
      return readingOf(state);
    },
    /** All of its memory goes; what it reads again is what it had answered for. */
    evict() {
      state = structuredClone(state);
    },
    namespace: {
      getByName: () => ({
        async apply(batch: MetricsBatch) {
          const fate = fates.shift() ?? "ok";
          if (fate === "hangs") return new Promise<never>(() => {});
          if (fate === "lost") throw new Error("network lost");
          batches.push(structuredClone(batch));
          const applied = applyBatch(state, structuredClone(batch));
          if (fate === "unacknowledged") throw new Error("network lost");
          return { dropped: applied?.dropped ?? 0 };
        },
        read: async () => readingOf(state),
      }),
    },
  };
}

const health = (status: string) => ({ method: "GET", route: "/api/health", status });

function totalOf({ counters }: ShardReading, metric: string): number {
  return counters.reduce((sum, [series, value]) => sum + (parseSeriesKey(series)?.name === metric ? value : 0), 0);
}

function droppedOf({ counters }: ShardReading, metric: string): number {
  return counters.reduce((sum, [series, value]) => {
    const parsed = parseSeriesKey(series);
    return sum + (parsed?.name === "metrics_samples_dropped_total" && parsed.values[0] === metric ? value : 0);
  }, 0);
}

function isolate(shard: ReturnType<typeof createShard>, time: ReturnType<typeof createTime>) {
  let isCutOff = false;
  const recorder = new MetricsRecorder(shard.namespace, {
    worker: "api",
    windowMs: WINDOW_MS,
    shards: 1,
    clock: time,
    // Nothing of an invocation that was cut off goes on after its first wait.
    sleep: (ms) => (isCutOff ? new Promise<never>(() => {}) : time.sleep(ms)),
  });
  const losses: number[] = [];
  const background: Promise<unknown>[] = [];
  return {
    recorder,
    losses,
    background,
    /** One request; `cutOff` loses all it would have done after its answer. */
    request(status = "200", { cutOff = false } = {}) {
      isCutOff = cutOff;
      const metrics = recorder.within(
        (task) => void background.push(task),
        (samples) => void losses.push(samples),
      );
      metrics.count("http_requests_total", health(status));
      isCutOff = false;
    },
  };
}

it("one batch a window is handed on, whatever the number of requests", async () => {
  const [time, shard] = [createTime(), createShard()];
  const { request } = isolate(shard, time);
  for (let i = 0; i < 500; i++) {
    request();
    await time.advance(10);
  }
  await time.advance(WINDOW_MS);
  expect(shard.batches.length).toBe(3);
  expect(totalOf(shard.reading, "http_requests_total")).toBe(500);
});

it("a batch whose answer was lost is sent again as it was, and counts once", async () => {
  const [time, shard] = [createTime(), createShard()];
  const { request } = isolate(shard, time);
  shard.fates.push("unacknowledged", "unacknowledged", "ok");
  request();
  await time.advance(WINDOW_MS);
  request("500");
  await time.advance(10_000);
  expect(shard.batches.map(({ seq }) => seq)).toEqual([1, 1, 1, 2]);
  expect(new Set(shard.batches.slice(0, 3).map((batch) => JSON.stringify(batch))).size).toBe(1);
  expect(totalOf(shard.reading, "http_requests_total")).toBe(2);
});

it("an outage of any length loses nothing, and a later request brings it all", async () => {
  const [time, shard] = [createTime(), createShard()];
  const { request, losses } = isolate(shard, time);
  for (let i = 0; i < 600; i++) {
    shard.fates.splice(0, Infinity, ...Array<Fate>(50).fill("lost"));
    request();
    await time.advance(1_000);
  }
  expect(totalOf(shard.reading, "http_requests_total")).toBe(0);
  shard.fates.length = 0;
  request();
  await time.advance(60_000);
  expect(totalOf(shard.reading, "http_requests_total")).toBe(601);
  expect(losses).toEqual([]);
});

it("a request that is cut off loses no samples: a later one hands them on", async () => {
  const [time, shard] = [createTime(), createShard()];
  const { request } = isolate(shard, time);
  for (let i = 0; i < 20; i++) request("200", { cutOff: true });
  await time.advance(60_000);
  expect(totalOf(shard.reading, "http_requests_total")).toBe(0);
  request();
  await time.advance(WINDOW_MS);
  expect(totalOf(shard.reading, "http_requests_total")).toBe(21);
});

it("a call that hangs holds up nobody for longer than its time", async () => {
  const [time, shard] = [createTime(), createShard()];
  const { request } = isolate(shard, time);
  shard.fates.push("hangs");
  request();
  await time.advance(WINDOW_MS);
  request();
  // The call is given up by a timer of the platform, which this clock doesn't move: a lease ends instead.
  await time.advance(8_000);
  request();
  await time.advance(20_000);
  expect(totalOf(shard.reading, "http_requests_total")).toBe(3);
});

it.each([
  ["never arrived is counted as dropped", "lost", 0, 2],
  ["had arrived after all is no loss", "unacknowledged", 2, 0],
] as const)("a batch that is given up after an hour and %s", async (_what, fate, kept, dropped) => {
  const [time, shard] = [createTime(), createShard()];
  const { request, losses } = isolate(shard, time);
  request();
  request();
  for (let i = 0; i < 40; i++) {
    shard.fates.splice(0, Infinity, ...(i === 0 ? [fate] : []), ...Array<Fate>(20).fill("lost"));
    await time.advance(i === 0 ? WINDOW_MS + 20_000 : 100_000);
    if (i > 0) request("503");
  }
  shard.fates.length = 0;
  request("503");
  await time.advance(60_000);
  const { reading } = shard;
  expect(
    reading.counters.find(([series]) => series === seriesKey("http_requests_total", health("200")))?.[1] ?? 0,
  ).toBe(kept);
  expect(droppedOf(reading, "http_requests_total")).toBe(dropped);
  expect(totalOf(reading, "http_requests_total") + droppedOf(reading, "http_requests_total")).toBe(2 + 40);
  expect(losses.filter((lost) => lost > 0).length).toBe(dropped > 0 ? 1 : 0);
});

it("a clock that is set back holds nothing up", async () => {
  const [time, shard] = [createTime(), createShard()];
  let offsetMs = 3_600_000;
  const recorder = new MetricsRecorder(shard.namespace, {
    worker: "api",
    windowMs: WINDOW_MS,
    shards: 1,
    clock: { now: () => time.now() + offsetMs },
    sleep: time.sleep,
  });
  const request = () =>
    recorder
      .within(
        () => {},
        () => {},
      )
      .count("http_requests_total", health("200"));
  shard.fates.push("lost");
  request();
  await time.advance(WINDOW_MS);
  request();
  offsetMs = 0;
  await time.advance(WINDOW_MS);
  request();
  await time.advance(30_000);
  request();
  await time.advance(30_000);
  expect(totalOf(shard.reading, "http_requests_total")).toBe(4);
});

it("series without end are dropped and counted, and the others are not", async () => {
  const [time, shard] = [createTime(), createShard()];
  const { recorder, background } = isolate(shard, time);
  const metrics = recorder.within(
    (task) => void background.push(task),
    () => {},
  );
  for (let i = 0; i < 5_000; i++)
    metrics.count("http_requests_total", { method: "GET", route: `/${i}`, status: "200" });
  for (let i = 0; i < 5_000; i++) metrics.count("http_requests_total", { method: "GET", route: "/0", status: "200" });
  await time.advance(WINDOW_MS);
  expect(shard.batches[0]?.counters.length).toBeLessThan(1_010);
  const { reading } = shard;
  expect(totalOf(reading, "http_requests_total") + droppedOf(reading, "http_requests_total")).toBe(10_000);
  expect(reading.counters.find(([series]) => series.includes("/0"))?.[1]).toBe(5_001);
});

it("counting nothing, or a time that is none, does no harm", async () => {
  const [time, shard] = [createTime(), createShard()];
  const { recorder, background } = isolate(shard, time);
  const metrics = recorder.within(
    (task) => void background.push(task),
    () => {},
  );
  for (const by of [0, -1, Number.NaN]) metrics.count("http_requests_total", health("200"), by);
  for (const ms of [Number.NaN, -5, Number.POSITIVE_INFINITY]) {
    metrics.time("http_request_duration_seconds", { method: "GET", route: "/" }, ms);
  }
  await time.advance(WINDOW_MS);
  expect(totalOf(shard.reading, "http_requests_total")).toBe(0);
  expect(shard.reading.histograms).toEqual([[expect.any(String), 0, expect.any(Array)]]);
});

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("request" as const),
      from: fc.nat(2),
      status: fc.constantFrom("200", "404"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("cut off" as const), from: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("time" as const), ms: fc.integer({ min: 1, max: 20_000 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("fates" as const),
      fates: fc.array(fc.constantFrom<Fate>("ok", "lost", "unacknowledged"), { maxLength: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("evict" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("flush" as const), from: fc.nat(2) }) },
);

it("whatever fails, dies and is evicted: no series ever falls, and in the end every sample has counted once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const [time, shard] = [createTime(), createShard()];
      const isolates = [0, 1, 2].map(() => isolate(shard, time));
      let recorded = 0;
      let before = new Map<string, number>();
      for (const next of steps) {
        if (next.kind === "request" || next.kind === "cut off") {
          recorded++;
          isolates[next.from]?.request(next.kind === "request" ? next.status : "500", {
            cutOff: next.kind === "cut off",
          });
        } else if (next.kind === "time") await time.advance(next.ms);
        else if (next.kind === "fates") shard.fates.push(...next.fates);
        else if (next.kind === "evict") shard.evict();
        else void isolates[next.from]?.recorder.flush(1_000, () => {});
        const now = new Map(shard.reading.counters);
        for (const [series, value] of before) expect(now.get(series)).toBeGreaterThanOrEqual(value);
        before = now;
      }
      shard.fates.length = 0;
      await time.advance(60_000);
      for (const { request } of isolates) request();
      await time.advance(60_000);
      expect(totalOf(shard.reading, "http_requests_total")).toBe(recorded + isolates.length);
      expect(totalOf(shard.reading, "metrics_samples_dropped_total")).toBe(0);
    }),
    { numRuns: 300 },
  );
});
