import type { CoreServices } from "../../kernel/core-services.ts";
import type { AuditRepository } from "./repository.ts";

export interface AuditDeps extends CoreServices {
  readonly audit: AuditRepository;
}
