import type { App } from "../../http/app-type.ts";
import { registerGetUsage } from "./routes/get-usage.ts";

export type { PlansDeps } from "./deps.ts";
export type { QuotaGrant, QuotaRepository } from "./repository.ts";
export { serializeUsage, usageSchema } from "./schemas.ts";
export { getUsageOf, type Usage } from "./service/get-usage.ts";

export function registerPlans(app: App): void {
  registerGetUsage(app);
}
