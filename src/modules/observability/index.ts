import type { App } from "../../http/app-type.ts";
import { registerGetHealth } from "./routes/get-health.ts";
import { registerGetStatus } from "./routes/get-status.ts";

export { circuitsOf } from "./circuits.ts";
export type { ObservabilityDeps } from "./deps.ts";
export type { StatusReport } from "./service/get-status.ts";
export { createSharedRound, type SharedRound } from "./shared-round.ts";

export function registerObservability(app: App): void {
  registerGetHealth(app);
  registerGetStatus(app);
}
