import type { MetricsSource, QueueReading } from "../../ports/metrics-sources.ts";
import type { StatusProbes } from "../../ports/status-probes.ts";
import type { RateLimiterObjects } from "./rate-limiter.ts";
import type { UserSessionsObjects } from "./session-store.ts";

/** A Worker that says that it is there. */
interface Pingable {
  ping(): Promise<void>;
}

export interface ProbedBindings {
  /** A trivial read. */
  readonly database: () => Promise<unknown>;
  readonly bucket: Pick<R2Bucket, "head">;
  readonly queue: MetricsSource<QueueReading>;
  readonly sessions: UserSessionsObjects;
  readonly limiter: RateLimiterObjects;
  readonly hasher: Pingable;
  readonly imageProcessor: Pingable;
}

/** A key and a name that nothing of the service has. */
const NOBODY = "status";

/** Probes of Cloudflare's bindings. */
export function createStatusProbes(bindings: ProbedBindings): StatusProbes {
  return {
    async database() {
      await bindings.database();
    },
    async objects() {
      await bindings.bucket.head(NOBODY);
    },
    queue: () => bindings.queue.read(),
    async durableObjects() {
      // Both classes that a request needs; neither of these calls writes anything.
      await Promise.all([bindings.sessions.getByName(NOBODY).list(), bindings.limiter.getByName(NOBODY).confirm(0)]);
    },
    async hasher() {
      await bindings.hasher.ping();
    },
    async imageProcessor() {
      await bindings.imageProcessor.ping();
    },
  };
}
