import type { App } from "../../http/app-type.ts";
import { registerGetHealth } from "./routes/get-health.ts";

export function registerObservability(app: App): void {
  registerGetHealth(app);
}
