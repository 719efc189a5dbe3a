import type { ConversionsDeps } from "../deps.ts";

/** Settles active conversions that are out of time, of one user or of all. @returns how many this call settled. */
export async function expireOverdue(
  deps: Pick<ConversionsDeps, "conversions" | "clock">,
  userId: string | null,
  limit = 100,
): Promise<number> {
  const now = deps.clock.now();
  let settled = 0;
  for (const id of await deps.conversions.listOverdue(userId, now, limit)) {
    if (await deps.conversions.expire(id, now)) settled++;
  }
  return settled;
}
