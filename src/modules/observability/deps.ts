import type { CoreServices } from "../../kernel/core-services.ts";
import type { CircuitBreakers } from "../../ports/circuit-breaker.ts";
import type { MetricsSources } from "../../ports/metrics-sources.ts";
import type { StatusProbes } from "../../ports/status-probes.ts";
import type { ConversionsDeps } from "../conversions/index.ts";
import type { BusinessMetrics } from "./business-metrics.ts";
import type { StatusReport } from "./service/get-status.ts";
import type { SharedRound } from "./shared-round.ts";

export interface ObservabilityDeps extends CoreServices {
  readonly probes: StatusProbes;
  readonly circuits: CircuitBreakers;
  readonly conversions: ConversionsDeps["conversions"];
  readonly business: BusinessMetrics;
  readonly metricsSources: MetricsSources;
  /** Hands on what this isolate has counted, as far as that goes in `timeoutMs`. */
  readonly flushMetrics: (timeoutMs: number) => Promise<void>;
  /** Id of the version that answers, as the platform deployed it. */
  readonly deployedVersion: string;
  /** File name of the last migration that this version knows. */
  readonly expectedMigration: string;
  /** The isolate's. */
  readonly statusRound: SharedRound<StatusReport>;
}
