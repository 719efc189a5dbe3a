import type { App } from "../../http/app-type.ts";
import { registerGetHealth } from "./routes/get-health.ts";
import { registerGetMetrics } from "./routes/get-metrics.ts";
import { registerGetStatus } from "./routes/get-status.ts";

export { circuitsOf } from "./circuits.ts";
export type { ObservabilityDeps } from "./deps.ts";
export { metricsLoss } from "./metrics-loss.ts";
export { checkMigrations } from "./service/check-migrations.ts";
export type { StatusReport } from "./service/get-status.ts";
export { createSharedRound, type SharedRound } from "./shared-round.ts";

export function registerObservability(app: App): void {
  registerGetHealth(app);
  registerGetStatus(app);
  registerGetMetrics(app);
}
