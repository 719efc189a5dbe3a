import type { CoreServices } from "../../kernel/core-services.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import type { OutboxRepository } from "../../ports/outbox.ts";
import type { SessionStore } from "../../ports/session-store.ts";
import type { AccountErasure, UserRepository } from "./repository.ts";

export interface UsersDeps extends CoreServices {
  readonly users: UserRepository;
  readonly erasure: AccountErasure;
  readonly sessions: SessionStore;
  readonly objects: ObjectStore;
  readonly outbox: OutboxRepository;
}
