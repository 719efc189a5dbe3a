/** What the service is made of, beside itself. */
export const DEPENDENCIES = ["database", "objects", "queue", "durableObjects", "hasher", "imageProcessor"] as const;
export type Dependency = (typeof DEPENDENCIES)[number];

/**
 * Whether a dependency can be reached: each settles once it has answered, and rejects when it can't. They are cheap,
 * change nothing and leave no trace; how long to wait is up to the caller.
 */
export type StatusProbes = Readonly<Record<Dependency, () => Promise<void>>>;
