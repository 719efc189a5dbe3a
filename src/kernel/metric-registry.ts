/**
 * Every metric there is, as `/api/metrics` tells it (Prometheus text format 0.0.4). `source` says where it is counted:
 * `shards`: by each isolate, whose batches the MetricsShard objects add up. `database`: in the transaction of the fact.
 * `scrape`: found out when somebody asks.
 */
export interface MetricSpec {
  readonly type: "counter" | "gauge" | "histogram";
  readonly source: "shards" | "database" | "scrape";
  readonly help: string;
  readonly labels: readonly string[];
}

/** Upper bounds in milliseconds of the histograms' buckets; the last, unbounded one is not listed. */
export const BUCKETS_MS: readonly number[] = [
  5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000,
];

export const METRICS = {
  http_requests_total: {
    type: "counter",
    source: "shards",
    help: "Requests answered, by route template (/* where no route answers).",
    labels: ["method", "route", "status"],
  },
  http_request_duration_seconds: {
    type: "histogram",
    source: "shards",
    help: "Time from a request's arrival to its answer.",
    labels: ["method", "route"],
  },
  database_queries_total: {
    type: "counter",
    source: "shards",
    help: "Statements sent to the database, by the table they are about.",
    labels: ["operation", "table"],
  },
  database_query_duration_seconds: {
    type: "histogram",
    source: "shards",
    help: "Round trips to the database; a batch of statements is one.",
    labels: ["operation"],
  },
  database_errors_total: {
    type: "counter",
    source: "shards",
    help: "Round trips to the database that failed.",
    labels: ["operation"],
  },
  rate_limit_decisions_total: {
    type: "counter",
    source: "shards",
    help: "What the limits decided: allowed, denied, or unavailable where a limit could not be asked.",
    labels: ["policy", "decision"],
  },
  password_hash_duration_seconds: {
    type: "histogram",
    source: "shards",
    help: "Calls of the password hasher, the wait for a turn included.",
    labels: ["operation", "outcome"],
  },
  provider_request_duration_seconds: {
    type: "histogram",
    source: "shards",
    help: "Calls of image models, the local engine included.",
    labels: ["provider", "model", "outcome"],
  },
  circuit_transitions_total: {
    type: "counter",
    source: "shards",
    help: "Circuits that opened, by why, or closed.",
    labels: ["circuit", "to"],
  },
  conversion_stage_duration_seconds: {
    type: "histogram",
    source: "shards",
    help: "Stages of conversions that succeeded.",
    labels: ["kind", "provider", "stage"],
  },
  conversion_duration_seconds: {
    type: "histogram",
    source: "shards",
    help: "From a conversion's creation to its success or failure.",
    labels: ["kind", "status"],
  },
  queue_messages_total: {
    type: "counter",
    source: "shards",
    help: "Deliveries of queue messages: handled, again (asked for another delivery), failed or unreadable.",
    labels: ["queue", "outcome"],
  },
  queue_message_duration_seconds: {
    type: "histogram",
    source: "shards",
    help: "Handling of queue messages.",
    labels: ["queue"],
  },
  sms_messages_total: {
    type: "counter",
    source: "shards",
    help: "Codes on their way: sent, delayed or given up.",
    labels: ["outcome"],
  },
  alerts_raised_total: {
    type: "counter",
    source: "shards",
    help: "Alerts raised, before deduplication.",
    labels: ["name"],
  },
  telemetry_items_total: {
    type: "counter",
    source: "shards",
    help: "Log lines, spans, error reports and alerts handed on to other systems, or dropped.",
    labels: ["exporter", "outcome"],
  },
  invocations_total: {
    type: "counter",
    source: "shards",
    help: "Invocations as the platform saw them: ok, or how they were cut off.",
    labels: ["worker", "trigger", "outcome"],
  },
  invocation_cpu_seconds: {
    type: "histogram",
    source: "shards",
    help: "CPU time of invocations, as the platform measured it.",
    labels: ["worker", "trigger"],
  },
  invocation_wall_seconds: {
    type: "histogram",
    source: "shards",
    help: "Wall time of invocations, as the platform measured it.",
    labels: ["worker", "trigger"],
  },
  metrics_flushes_total: {
    type: "counter",
    source: "shards",
    help: "Batches of samples that isolates handed to their shard, and tries that failed.",
    labels: ["worker", "outcome"],
  },
  metrics_samples_dropped_total: {
    type: "counter",
    source: "shards",
    help: "Samples that are in no other number here: over the limit of series, or given up by their isolate.",
    labels: ["metric", "reason"],
  },
  user_registrations_total: {
    type: "counter",
    source: "database",
    help: "Accounts created.",
    labels: [],
  },
  conversions_created_total: {
    type: "counter",
    source: "database",
    help: "Conversions accepted.",
    labels: ["kind"],
  },
  conversions_total: {
    type: "counter",
    source: "database",
    help: "Conversions that ended, by how; provider is who made it, else who was asked for, else default.",
    labels: ["kind", "provider", "status"],
  },
  payments_total: {
    type: "counter",
    source: "database",
    help: "Payments that ended, by how.",
    labels: ["gateway", "status"],
  },
  quota_units_total: {
    type: "counter",
    source: "database",
    help: "Units of quota reserved, committed and released.",
    labels: ["event"],
  },
  dead_letters_total: {
    type: "counter",
    source: "database",
    help: "Messages that a queue gave up on, or that nobody could read.",
    labels: ["queue", "outcome"],
  },
  provider_calls_total: {
    type: "counter",
    source: "database",
    help: "Calls of paid image models that ended, by how.",
    labels: ["provider", "model", "outcome"],
  },
  provider_cost_dollars_total: {
    type: "counter",
    source: "database",
    help: "What calls of image models have cost, in US dollars, as far as they have ended.",
    labels: ["provider", "model"],
  },
  provider_tokens_total: {
    type: "counter",
    source: "database",
    help: "Tokens that image models were sent (prompt) and answered (output).",
    labels: ["provider", "model", "direction"],
  },
  provider_spent_today_dollars: {
    type: "gauge",
    source: "scrape",
    help: "What calls of this UTC day have cost, with what those under way are expected to.",
    labels: [],
  },
  provider_budget_dollars: {
    type: "gauge",
    source: "scrape",
    help: "PROVIDER_DAILY_BUDGET, where it is set.",
    labels: [],
  },
  conversions_active: {
    type: "gauge",
    source: "scrape",
    help: "Conversions that have not ended.",
    labels: ["status"],
  },
  conversions_lag_seconds: {
    type: "gauge",
    source: "scrape",
    help: "How long the oldest conversion that is due has been waiting for a worker.",
    labels: [],
  },
  outbox_due_entries: {
    type: "gauge",
    source: "scrape",
    help: "Promises of committed transactions that are due and not kept yet; at most 1,000 are counted.",
    labels: [],
  },
  queue_backlog_messages: {
    type: "gauge",
    source: "scrape",
    help: "Messages in a queue, as the platform counts them.",
    labels: ["queue"],
  },
  queue_oldest_message_age_seconds: {
    type: "gauge",
    source: "scrape",
    help: "Age of the oldest message in a queue; 0 when it is empty.",
    labels: ["queue"],
  },
  circuit_state: {
    type: "gauge",
    source: "scrape",
    help: "1 for the state a circuit is in, 0 for the others.",
    labels: ["circuit", "state"],
  },
  database_migrations_missing: {
    type: "gauge",
    source: "scrape",
    help: "Migrations that this version needs and the database has not had.",
    labels: [],
  },
  metrics_shard_up: {
    type: "gauge",
    source: "scrape",
    help: "Whether a shard answered this scrape; the series of one that did not are missing, not lower.",
    labels: [],
  },
  metrics_shard_series: {
    type: "gauge",
    source: "scrape",
    help: "Series that a shard holds.",
    labels: [],
  },
  metrics_source_up: {
    type: "gauge",
    source: "scrape",
    help: "Whether a source of the metrics that no shard counts answered this scrape.",
    labels: ["source"],
  },
  build_info: {
    type: "gauge",
    source: "scrape",
    help: "Always 1; the version that answers, and where.",
    labels: ["version", "environment"],
  },
} as const satisfies Record<string, MetricSpec>;

export type MetricName = keyof typeof METRICS;

type Matching<Spec> = { [N in MetricName]: (typeof METRICS)[N] extends Spec ? N : never }[MetricName];

export type ShardCounter = Matching<{ readonly type: "counter"; readonly source: "shards" }>;
export type ShardHistogram = Matching<{ readonly type: "histogram"; readonly source: "shards" }>;
export type DatabaseCounter = Matching<{ readonly type: "counter"; readonly source: "database" }>;

/** A value for each of a metric's labels. */
export type LabelsOf<N extends MetricName> = Readonly<Record<(typeof METRICS)[N]["labels"][number], string>>;
