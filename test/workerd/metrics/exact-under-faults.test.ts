import { createExecutionContext, evictDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import type { MetricsBatch, MetricsShardApi, ShardReading } from "../../../durable-objects/metrics-shard/contract.ts";
import { createApp } from "../../../src/app.ts";
import { parseSeriesKey } from "../../../src/kernel/metric-series.ts";
import { shardName, shardsOf } from "../../../src/providers/cloudflare/metrics-recorder.ts";
import { apiRequest } from "../support/client.ts";
import { bindings } from "../support/database.ts";

const CONNECTIONS = 8;
const REQUESTS = 10_000;
const SHARDS = 3;

/** Sums by status of the requests of one route, over what shards tell. */
function countsOf(readings: readonly ShardReading[], route: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [series, value] of readings.flatMap(({ counters }) => counters)) {
    const parsed = parseSeriesKey(series);
    if (parsed?.name !== "http_requests_total" || parsed.values[1] !== route) continue;
    const status = parsed.values[2] ?? "";
    counts[status] = (counts[status] ?? 0) + value;
  }
  return counts;
}

function droppedOf(readings: readonly ShardReading[], metric: string): number {
  return readings
    .flatMap(({ counters }) => counters)
    .reduce((sum, [series, value]) => {
      const parsed = parseSeriesKey(series);
      const isMeant = parsed?.name === "metrics_samples_dropped_total" && parsed.values[0] === metric;
      return isMeant ? sum + value : sum;
    }, 0);
}

/** Where it isn't in memory there is nothing to evict. */
const evict = (stub: Parameters<typeof evictDurableObject>[0]) =>
  evictDurableObject(stub).then(
    () => true,
    () => false,
  );

/** The real objects behind a network that loses calls and answers, and with objects that are evicted meanwhile. */
function unreliable(prefix: string) {
  const real = shardsOf(bindings.METRICS_SHARD);
  const names = new Set<string>();
  const told = { lost: 0, unacknowledged: 0, evicted: 0, applied: 0 };
  let isReliable = false;
  const stubOf = (name: string) => bindings.METRICS_SHARD.getByName(`${prefix}-${name}`);
  const namespace = {
    getByName(name: string): MetricsShardApi {
      names.add(name);
      return {
        async apply(batch: MetricsBatch) {
          const chance = isReliable ? 1 : Math.random();
          if (chance < 0.2) {
            told.lost++;
            throw new Error("network lost");
          }
          const answer = await real.getByName(`${prefix}-${name}`).apply(batch);
          told.applied++;
          if (chance < 0.4) {
            told.unacknowledged++;
            throw new Error("network lost");
          }
          if (chance < 0.5) {
            told.evicted += (await evict(stubOf(name))) ? 1 : 0;
          }
          return answer;
        },
        read: () => real.getByName(`${prefix}-${name}`).read(),
      };
    },
  };
  return {
    namespace,
    told,
    heal() {
      isReliable = true;
    },
    readAll: () =>
      Promise.all(
        Array.from({ length: SHARDS }, (_, i) => real.getByName(`${prefix}-${shardName(i)}`).read()),
      ) as Promise<ShardReading[]>,
  };
}

/** An isolate of its own: what it counts goes to one of the shards. */
function isolate(namespace: object) {
  const app = createApp();
  const env = {
    ...bindings,
    METRICS_SHARD: { getByName: (name: string) => (namespace as { getByName(name: string): object }).getByName(name) },
    METRICS_SHARDS: String(SHARDS),
    METRICS_WINDOW: "30ms",
    LOG_LEVEL: "error",
  };
  return async (path: string): Promise<number> => {
    const context = createExecutionContext();
    const response = await app.fetch(apiRequest(path), env as unknown as ApiEnv, context);
    await response.arrayBuffer();
    return response.status;
  };
}

it("10,000 requests over 8 connections while the way to the shards fails: the sums are what was sent, and never fell", async () => {
  const network = unreliable(crypto.randomUUID());
  const isolates = Array.from({ length: 3 }, () => isolate(network.namespace));
  const paths = ["/api/health", "/api/none", "/api/users/me", "/api/health"] as const;
  const sent: Record<string, number> = {};
  let isRunning = true;
  const before = new Map<string, number>();
  /** Reads while all goes on: whatever is told once is told from then on. */
  const watch = async () => {
    while (isRunning) {
      for (const [shard, { counters }] of (await network.readAll()).entries()) {
        for (const [series, value] of counters) {
          const key = `${shard} ${series}`;
          expect(value).toBeGreaterThanOrEqual(before.get(key) ?? 0);
          before.set(key, value);
        }
      }
      await scheduler.wait(20);
    }
  };
  const watching = watch();
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, connection) => {
      for (let i = connection; i < REQUESTS; i += CONNECTIONS) {
        const path = paths[i % paths.length] as string;
        const status = await (isolates[i % isolates.length] as ReturnType<typeof isolate>)(path);
        sent[`${path} ${status}`] = (sent[`${path} ${status}`] ?? 0) + 1;
        await scheduler.wait(2);
      }
    }),
  );
  network.heal();
  // What is left of each isolate comes with a later request, at the latest when its last pause is over.
  const all = async () => {
    const readings = await network.readAll();
    const sums = ["/api/health", "/*", "/api/users/me"].map((route) => Object.values(countsOf(readings, route)));
    return sums.flat().reduce((sum, count) => sum + count, 0);
  };
  for (let round = 0; round < 60 && (await all()) < REQUESTS; round++) {
    await Promise.all(isolates.map((request) => request("/api/styles")));
    await scheduler.wait(500);
  }
  isRunning = false;
  await watching;
  const readings = await network.readAll();
  const { told } = network;
  expect(Math.min(told.lost, told.unacknowledged, told.evicted)).toBeGreaterThan(2);
  expect(sent).toEqual({ "/api/health 200": 5_000, "/api/none 404": 2_500, "/api/users/me 401": 2_500 });
  expect(droppedOf(readings, "http_requests_total")).toBe(0);
  expect(countsOf(readings, "/api/health")).toEqual({ 200: 5_000 });
  expect(countsOf(readings, "/*")).toEqual({ 404: 2_500 });
  expect(countsOf(readings, "/api/users/me")).toEqual({ 401: 2_500 });
  const flushes = readings
    .flatMap(({ counters }) => counters)
    .filter(([series]) => series.startsWith("metrics_flushes"));
  expect(flushes.some(([series]) => series.includes("failed"))).toBe(true);
}, 120_000);

it("what does not fit into a shard is missing from it by exactly what is counted as dropped", async () => {
  const shard = shardsOf(bindings.METRICS_SHARD).getByName(crypto.randomUUID());
  let sent = 0;
  for (let seq = 1; seq <= 30; seq++) {
    const counters = Array.from({ length: 100 }, (_, i) => {
      sent += i + 1;
      return [`http_requests_total\u001fGET\u001f/${seq}/${i}\u001f200`, i + 1] as const;
    });
    await shard.apply({ source: "one", seq, counters, histograms: [], abandoned: [] });
  }
  const reading = await shard.read();
  const kept = reading.counters
    .filter(([series]) => series.startsWith("http_requests_total"))
    .reduce((sum, [, value]) => sum + value, 0);
  expect(reading.counters.length).toBeLessThanOrEqual(2_001);
  expect(droppedOf([reading], "http_requests_total")).toBeGreaterThan(0);
  expect(kept + droppedOf([reading], "http_requests_total")).toBe(sent);
});

it("100 isolates at once, each batch brought three times in any order of arrival: every one counts once", async () => {
  const stub = bindings.METRICS_SHARD.getByName(crypto.randomUUID());
  const series = "http_requests_total\u001fGET\u001f/api/health\u001f200";
  const histogram = "http_request_duration_seconds\u001fGET\u001f/api/health";
  await Promise.all(
    Array.from({ length: 100 }, async (_, source) => {
      for (let seq = 1; seq <= 5; seq++) {
        const batch: MetricsBatch = {
          source: `isolate-${source}`,
          seq,
          counters: [[series, 1]],
          histograms: [[histogram, 2.5, [0, 1]]],
          abandoned: [],
        };
        await Promise.all([stub.apply(batch), stub.apply(batch), stub.apply(batch)]);
        if (source % 25 === 0) await evict(stub);
      }
    }),
  );
  await evict(stub);
  const reading = (await stub.read()) as unknown as ShardReading;
  expect(reading.counters).toEqual([[series, 500]]);
  expect(reading.histograms).toEqual([[histogram, 1_250, [0, 500]]]);
});
