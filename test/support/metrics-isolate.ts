import type { MetricsBatch, ShardReading } from "../../durable-objects/metrics-shard/contract.ts";
import { applyBatch, emptyShard, readingOf, type ShardState } from "../../durable-objects/metrics-shard/shard.ts";
import { parseSeriesKey } from "../../src/kernel/metric-series.ts";
import { MetricsRecorder } from "../../src/providers/cloudflare/metrics-recorder.ts";

export const WINDOW_MS = 2_000;

/** How a call of the shard goes: it may be lost on its way there or back, and it may hang. */
export type Fate = "ok" | "lost" | "unacknowledged" | "hangs";

/** Time that stands still until it is moved; sleepers wake in order. */
export function createTime() {
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
export function createShard() {
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

export const health = (status: string) => ({ method: "GET", route: "/api/health", status });

export function totalOf({ counters }: ShardReading, metric: string): number {
  return counters.reduce((sum, [series, value]) => sum + (parseSeriesKey(series)?.name === metric ? value : 0), 0);
}

export function droppedOf({ counters }: ShardReading, metric: string): number {
  return counters.reduce((sum, [series, value]) => {
    const parsed = parseSeriesKey(series);
    return sum + (parsed?.name === "metrics_samples_dropped_total" && parsed.values[0] === metric ? value : 0);
  }, 0);
}

export function isolate(shard: ReturnType<typeof createShard>, time: ReturnType<typeof createTime>) {
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
