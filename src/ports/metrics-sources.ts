import type { ShardReading } from "../../durable-objects/metrics-shard/contract.ts";

export interface QueueReading {
  readonly backlogMessages: number;
  /** 0 when the queue is empty. */
  readonly oldestAgeMs: number;
}

export interface MetricsSource<T> {
  readonly name: string;
  /** Rejects when it can't be asked; how long to wait is up to the caller. */
  read(): Promise<T>;
}

/** What is asked at a scrape, beside the database. */
export interface MetricsSources {
  readonly shards: readonly MetricsSource<ShardReading>[];
  readonly queues: readonly MetricsSource<QueueReading>[];
}
