import type { QueueReading } from "./metrics-sources.ts";

/** What the service is made of, beside itself. */
export const DEPENDENCIES = ["database", "objects", "queue", "durableObjects", "hasher", "imageProcessor"] as const;
export type Dependency = (typeof DEPENDENCIES)[number];

/**
 * Whether a dependency can be reached: each settles once it has answered, and rejects when it can't. They are cheap,
 * change nothing and leave no trace; how long to wait is up to the caller.
 */
export type StatusProbes = Readonly<Record<Exclude<Dependency, "queue">, () => Promise<void>>> & {
  /** @returns what waits in the queue of jobs, as the queue itself counts it. */
  readonly queue: () => Promise<QueueReading>;
};
