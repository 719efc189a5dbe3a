import type { CoreServices } from "../../kernel/core-services.ts";
import type { UserRepository } from "./repository.ts";

export interface UsersDeps extends CoreServices {
  readonly users: UserRepository;
}
