import type { Page, PageRequest } from "../../../kernel/page.ts";
import type { DeadLetter } from "../../conversions/index.ts";
import type { AdminDeps } from "../deps.ts";

/** One page of the messages that were given up on or that nobody could read, newest first. */
export function listDeadLetters(deps: Pick<AdminDeps, "deadLetters">, page: PageRequest): Promise<Page<DeadLetter>> {
  return deps.deadLetters.list(page);
}
