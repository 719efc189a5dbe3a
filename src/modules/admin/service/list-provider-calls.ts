import { AppError } from "../../../kernel/app-error.ts";
import type { ProviderCall } from "../../conversions/index.ts";
import type { AdminDeps } from "../deps.ts";

/** The calls that a conversion came to, whoever owns it and deleted or not. @throws {AppError} 404 when there is none. */
export async function listProviderCalls(
  deps: Pick<AdminDeps, "calls" | "conversions">,
  conversionId: string,
): Promise<readonly ProviderCall[]> {
  const calls = await deps.calls.ofConversion(conversionId);
  if (calls.length > 0 || (await deps.conversions.inspect(conversionId))) return calls;
  throw new AppError("conversion_not_found");
}
