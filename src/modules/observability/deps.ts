import type { CoreServices } from "../../kernel/core-services.ts";
import type { CircuitBreakers } from "../../ports/circuit-breaker.ts";
import type { StatusProbes } from "../../ports/status-probes.ts";
import type { ConversionsDeps } from "../conversions/index.ts";
import type { StatusReport } from "./service/get-status.ts";
import type { SharedRound } from "./shared-round.ts";

export interface ObservabilityDeps extends CoreServices {
  readonly probes: StatusProbes;
  readonly circuits: CircuitBreakers;
  readonly conversions: ConversionsDeps["conversions"];
  /** The isolate's. */
  readonly statusRound: SharedRound<StatusReport>;
}
