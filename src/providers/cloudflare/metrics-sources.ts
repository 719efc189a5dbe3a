import { type Clock, systemClock } from "../../kernel/clock.ts";
import type { MetricsSource, MetricsSources, QueueReading } from "../../ports/metrics-sources.ts";
import { type MetricsShards, shardName } from "./metrics-recorder.ts";

/** What waits in a queue, told without sending to it. */
export function queueSource(
  name: string,
  queue: Pick<Queue, "metrics">,
  clock: Clock = systemClock,
): MetricsSource<QueueReading> {
  return {
    name,
    async read() {
      const { backlogCount, oldestMessageTimestamp } = await queue.metrics();
      const at = oldestMessageTimestamp?.getTime();
      return {
        backlogMessages: backlogCount,
        oldestAgeMs: backlogCount === 0 || at === undefined ? 0 : Math.max(0, clock.now() - at),
      };
    },
  };
}

/** Shards and queues as sources of metrics; queues by the names operators know them by. */
export function createMetricsSources(
  shards: MetricsShards,
  shardCount: number,
  queues: Readonly<Record<string, Pick<Queue, "metrics">>>,
  clock: Clock = systemClock,
): MetricsSources {
  return {
    shards: Array.from({ length: shardCount }, (_, index) => ({
      name: String(index),
      read: async () => shards.getByName(shardName(index)).read(),
    })),
    queues: Object.entries(queues).map(([name, queue]) => queueSource(name, queue, clock)),
  };
}
