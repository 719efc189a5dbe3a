import type { Page, PageRequest } from "../../../kernel/page.ts";
import { requirePhone } from "../../auth/index.ts";
import type { User, UserFilter } from "../../users/index.ts";
import type { AdminDeps } from "../deps.ts";

/** One page of the accounts, newest first. @throws {AppError} 422 for a phone that could be nobody's. */
export async function listUsers(
  deps: Pick<AdminDeps, "users" | "config">,
  filter: UserFilter,
  page: PageRequest,
): Promise<Page<User>> {
  const { phone, ...rest } = filter;
  return deps.users.list(phone === undefined ? rest : { ...rest, phone: requirePhone(deps.config, phone) }, page);
}
