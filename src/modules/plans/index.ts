import type { App } from "../../http/app-type.ts";
import { registerGetUsage } from "./routes/get-usage.ts";

export type { PlansDeps } from "./deps.ts";

export function registerPlans(app: App): void {
  registerGetUsage(app);
}
