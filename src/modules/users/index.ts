import type { App } from "../../http/app-type.ts";
import { registerDeleteMe } from "./routes/delete-me.ts";
import { registerGetMe } from "./routes/get-me.ts";
import { registerUpdateMe } from "./routes/update-me.ts";

export type { UsersDeps } from "./deps.ts";
export type {
  AccountChange,
  AccountErasure,
  Credentials,
  NewUser,
  ProfileFields,
  RegisterOutcome,
  UserFilter,
  UserRepository,
} from "./repository.ts";
export { nameField, readable, serializeUser, userSchema } from "./schemas.ts";
export type { User } from "./user.ts";

export function registerUsers(app: App): void {
  registerGetMe(app);
  registerUpdateMe(app);
  registerDeleteMe(app);
}
