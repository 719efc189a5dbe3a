import type { CoreServices } from "../../kernel/core-services.ts";
import type { QuotaRepository } from "./repository.ts";

export interface PlansDeps extends CoreServices {
  readonly quota: QuotaRepository;
}
