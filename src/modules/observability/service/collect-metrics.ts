import { VERSION } from "../../../kernel/version.ts";
import { CIRCUIT_STATES } from "../../../ports/circuit-breaker.ts";
import type { QueueReading } from "../../../ports/metrics-sources.ts";
import type { BusinessReading } from "../business-metrics.ts";
import { circuitsOf } from "../circuits.ts";
import type { ObservabilityDeps } from "../deps.ts";
import { type CounterSample, type GaugeSample, type ShardSamples, writeExposition } from "../exposition.ts";
import { missingMigrations } from "./check-migrations.ts";

type MetricsDeps = Pick<
  ObservabilityDeps,
  "config" | "clock" | "circuits" | "business" | "expectedMigration" | "metricsSources" | "flushMetrics"
>;

/** Prometheus waits for ten seconds by default. */
const SOURCE_TIMEOUT_MS = 3_000;
const FLUSH_TIMEOUT_MS = 1_000;
const MICROS = 1_000_000;

/** What `read` gives in time; null when it fails or takes longer: what it would have told is missing, not wrong. */
async function inTime<T>(read: () => Promise<T>): Promise<T | null> {
  const { promise: timeout, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), SOURCE_TIMEOUT_MS);
  try {
    return await Promise.race([(async () => read())(), timeout]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

const gauge = (name: string, value: number, labels: Readonly<Record<string, string>> = {}): GaugeSample => ({
  name,
  labels,
  value,
});

const up = (source: string, answer: unknown) => gauge("metrics_source_up", answer === null ? 0 : 1, { source });

async function shardSamples({ metricsSources }: MetricsDeps) {
  const readings = await Promise.all(
    metricsSources.shards.map(async ({ name, read }) => ({ name, reading: await inTime(read) })),
  );
  const shards: ShardSamples[] = [];
  const gauges: GaugeSample[] = [];
  for (const { name: shard, reading } of readings) {
    gauges.push(gauge("metrics_shard_up", reading === null ? 0 : 1, { shard }));
    if (reading === null) continue;
    shards.push({ shard, reading });
    gauges.push(gauge("metrics_shard_series", reading.counters.length + reading.histograms.length, { shard }));
  }
  return { shards, gauges };
}

function queueGauges(queue: string, reading: QueueReading): GaugeSample[] {
  return [
    gauge("queue_backlog_messages", reading.backlogMessages, { queue }),
    gauge("queue_oldest_message_age_seconds", reading.oldestAgeMs / 1000, { queue }),
  ];
}

async function queueSamples({ metricsSources }: MetricsDeps): Promise<GaugeSample[]> {
  const asked = metricsSources.queues.map(async ({ name, read }) => {
    const reading = await inTime(read);
    return [up(`queue.${name}`, reading), ...(reading === null ? [] : queueGauges(name, reading))];
  });
  return (await Promise.all(asked)).flat();
}

async function circuitSamples({ config, circuits }: MetricsDeps): Promise<GaugeSample[]> {
  const asked = circuitsOf(config).map(async ({ circuit }) => {
    const found = await inTime(() => circuits.state(circuit));
    const states = found === null ? [] : CIRCUIT_STATES;
    return [
      up(`circuit.${circuit}`, found),
      ...states.map((state) => gauge("circuit_state", state === found?.state ? 1 : 0, { circuit, state })),
    ];
  });
  return (await Promise.all(asked)).flat();
}

function modelCounters({ models }: BusinessReading): CounterSample[] {
  return models.flatMap(({ provider, model, costMicros, promptTokens, outputTokens }) => [
    { name: "provider_cost_dollars_total", values: [provider, model], value: costMicros / MICROS },
    { name: "provider_tokens_total", values: [provider, model, "prompt"], value: promptTokens },
    { name: "provider_tokens_total", values: [provider, model, "output"], value: outputTokens },
  ]);
}

function businessGauges({ config }: MetricsDeps, reading: BusinessReading): GaugeSample[] {
  const { dailyBudgetMicros } = config.providers;
  const { active, lagMs, outboxDue, spentTodayMicros } = reading;
  return [
    gauge("provider_spent_today_dollars", spentTodayMicros / MICROS),
    ...(dailyBudgetMicros === null ? [] : [gauge("provider_budget_dollars", dailyBudgetMicros / MICROS)]),
    gauge("conversions_active", active.queued, { status: "queued" }),
    gauge("conversions_active", active.processing, { status: "processing" }),
    gauge("conversions_lag_seconds", lagMs / 1000),
    gauge("outbox_due_entries", outboxDue),
  ];
}

async function businessSamples(deps: MetricsDeps) {
  const reading = await inTime(() => deps.business.read(deps.clock.now()));
  if (reading === null) return { counters: [], gauges: [up("database", null)] };
  return {
    counters: [...reading.counters, ...modelCounters(reading)],
    gauges: [up("database", reading), ...businessGauges(deps, reading)],
  };
}

/** By itself: where a migration is missing, what needs it can't be read. */
async function migrationSamples({ business, expectedMigration }: MetricsDeps): Promise<GaugeSample[]> {
  const found = await inTime(async () => ({ latest: await business.latestMigration() }));
  if (found === null) return [up("migrations", null)];
  const missing = missingMigrations(expectedMigration, found.latest);
  return [up("migrations", found), gauge("database_migrations_missing", missing)];
}

/**
 * All metrics in Prometheus' text format. Every source is asked at once, each for at most 3 s; the series of one that
 * does not answer are missing, and `metrics_shard_up` and `metrics_source_up` say so.
 */
export async function collectMetrics(deps: MetricsDeps): Promise<string> {
  // What this isolate holds would come with the next scrape, too; now is nicer.
  await inTime(() => deps.flushMetrics(FLUSH_TIMEOUT_MS));
  const [sharded, business, migrations, queues, circuits] = await Promise.all([
    shardSamples(deps),
    businessSamples(deps),
    migrationSamples(deps),
    queueSamples(deps),
    circuitSamples(deps),
  ]);
  const { environment } = deps.config;
  const build = gauge("build_info", 1, { version: VERSION, environment });
  return writeExposition({
    shards: sharded.shards,
    counters: business.counters,
    gauges: [...sharded.gauges, ...business.gauges, ...migrations, ...queues, ...circuits, build],
  });
}
