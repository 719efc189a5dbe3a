import { toTimestamp } from "../../kernel/clock.ts";
import type { CircuitState } from "../../ports/circuit-breaker.ts";
import type { QuotaGrant } from "../plans/index.ts";
import { serializeUser, type User } from "../users/index.ts";
import type { AdminUserBody, CircuitBody, QuotaGrantBody } from "./schemas.ts";

/** An account for admins. The repository hands out none that are deleted. */
export function serializeAccount(user: User): AdminUserBody {
  return { ...serializeUser(user), status: user.status as AdminUserBody["status"] };
}

export function serializeGrant({ id, units, period, reason, createdAt }: QuotaGrant): QuotaGrantBody {
  return { id, units, period, reason, createdAt: toTimestamp(createdAt) };
}

export function serializeCircuit({ retryAfterMs, openedAt, ...circuit }: CircuitState, now: number): CircuitBody {
  return {
    ...circuit,
    retryAt: retryAfterMs === null ? null : toTimestamp(now + retryAfterMs),
    openedAt: openedAt === null ? null : toTimestamp(openedAt),
  };
}
