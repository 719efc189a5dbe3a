import type { App } from "../../http/app-type.ts";
import { registerListAudit } from "./routes/list-audit.ts";
import { registerSearchAudit } from "./routes/search-audit.ts";

export type { AuditDeps } from "./deps.ts";
export type { AuditRepository } from "./repository.ts";
export { recordFailure } from "./service/record-failure.ts";

export function registerAudit(app: App): void {
  registerListAudit(app);
  registerSearchAudit(app);
}
