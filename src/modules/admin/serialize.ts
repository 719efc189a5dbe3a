import { toTimestamp, toTimestampOrNull } from "../../kernel/clock.ts";
import type { CircuitState } from "../../ports/circuit-breaker.ts";
import type { DeadLetter, ProviderCall } from "../conversions/index.ts";
import type { QuotaGrant } from "../plans/index.ts";
import { serializeUser, type User } from "../users/index.ts";
import type {
  AdminUserBody,
  CircuitBody,
  CostBody,
  CostListBody,
  DeadLetterBody,
  ProviderCallBody,
  QuotaGrantBody,
} from "./schemas.ts";
import type { CostReport } from "./service/list-costs.ts";

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
    openedAt: toTimestampOrNull(openedAt),
  };
}

export function serializeDeadLetter(letter: DeadLetter): DeadLetterBody {
  const { receivedAt, replayedAt } = letter;
  return { ...letter, receivedAt: toTimestamp(receivedAt), replayedAt: toTimestampOrNull(replayedAt) };
}

const MICROS_A_CENT = 10_000;

function serializeCost(amountMicros: number): CostBody {
  return { amountMinor: Math.round(amountMicros / MICROS_A_CENT), amountMicros, currency: "USD" };
}

export function serializeCosts({ spend, ...budget }: CostReport): CostListBody {
  return {
    items: spend.map(({ costMicros, reservedMicros, durationMs, ...row }) => {
      const ended = row.succeeded + row.failed;
      const averageMs = ended === 0 ? null : Math.round(durationMs / ended);
      return { ...row, averageMs, cost: serializeCost(costMicros), reserved: serializeCost(reservedMicros) };
    }),
    total: serializeCost(spend.reduce((sum, { costMicros }) => sum + costMicros, 0)),
    budget,
  };
}

export function serializeCall(call: ProviderCall): ProviderCallBody {
  const { id, attempt, provider, model, outcome, promptTokens, outputTokens, costMicros, startedAt, endedAt } = call;
  return {
    id,
    attempt,
    provider,
    model,
    outcome,
    promptTokens,
    outputTokens,
    cost: serializeCost(costMicros),
    startedAt: toTimestamp(startedAt),
    endedAt: toTimestampOrNull(endedAt),
  };
}
