import type { CoreServices } from "../../kernel/core-services.ts";
import type { CircuitBreakers } from "../../ports/circuit-breaker.ts";
import type { OutboxRepository } from "../../ports/outbox.ts";
import type { SessionStore } from "../../ports/session-store.ts";
import type { AuditRepository } from "../audit/index.ts";
import type { ConversionsDeps, DeadLetterRepository, ProviderCallRepository } from "../conversions/index.ts";
import type { QuotaRepository } from "../plans/index.ts";
import type { UserRepository } from "../users/index.ts";

export interface AdminDeps extends CoreServices, ConversionsDeps {
  readonly users: UserRepository;
  readonly sessions: SessionStore;
  readonly outbox: OutboxRepository;
  readonly audit: AuditRepository;
  readonly quota: QuotaRepository;
  readonly circuits: CircuitBreakers;
  readonly calls: Pick<ProviderCallRepository, "ofConversion" | "spend">;
  readonly deadLetters: Pick<DeadLetterRepository, "list" | "find">;
}
