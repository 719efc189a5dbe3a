import { wantedProvider } from "../candidates.ts";
import { type Conversion, isTerminal } from "../conversion.ts";
import type { ConversionsDeps } from "../deps.ts";
import { totalMs } from "../stage-timings.ts";

/** Counting stops there: further back, a place says nothing. */
const MAX_POSITION = 1_000;
/** Jobs the consumer runs side by side (`max_concurrency` of its queue). */
const WORKERS = 10;

export interface Estimate {
  /** How many wait before it: 0 is next. Null when it does not wait, or too many do. */
  readonly queuePosition: number | null;
  /** Epoch ms, by what conversions of its kind took lately. Null when it has ended, or nothing has been measured. */
  readonly completesAt: number | null;
}

export const NO_ESTIMATE: Estimate = { queuePosition: null, completesAt: null };

/** Places in the queue and expected ends of those that are active; the others are left out. */
export async function estimateEnds(
  deps: Pick<ConversionsDeps, "config" | "clock" | "conversions" | "timings">,
  conversions: readonly Conversion[],
): Promise<ReadonlyMap<string, Estimate>> {
  const active = conversions.filter(({ status }) => !isTerminal(status));
  if (active.length === 0) return new Map();
  const queued = active.filter(({ status }) => status === "queued").map(({ id }) => id);
  const [positions, totals] = await Promise.all([
    queued.length === 0 ? new Map<string, number>() : deps.conversions.queuePositions(queued, MAX_POSITION),
    usualTotals(deps, active),
  ]);
  const now = deps.clock.now();
  return new Map(
    active.map((conversion) => {
      const position = positions.get(conversion.id);
      const queuePosition = position === undefined || position >= MAX_POSITION ? null : position;
      const usualMs = totals.get(variantOf(deps, conversion)) ?? null;
      return [conversion.id, { queuePosition, completesAt: completesAt(conversion, queuePosition, usualMs, now) }];
    }),
  );
}

function completesAt(conversion: Conversion, position: number | null, usualMs: number | null, now: number) {
  if (usualMs === null) return null;
  if (conversion.status === "processing") {
    return Math.max(now, conversion.updatedAt + Math.round(usualMs * (1 - conversion.progress / 100)));
  }
  if (position === null) return null;
  return Math.max(now, conversion.notBefore) + Math.round(usualMs * (1 + position / WORKERS));
}

type Variant = `${Conversion["input"]["kind"]} ${string}`;

function variantOf({ config }: Pick<ConversionsDeps, "config">, { input }: Conversion): Variant {
  return `${input.kind} ${wantedProvider(config, input)}`;
}

/** What a conversion of each kind and provider among these takes, once measured. */
async function usualTotals(
  deps: Pick<ConversionsDeps, "config" | "timings">,
  conversions: readonly Conversion[],
): Promise<ReadonlyMap<Variant, number>> {
  const wanted = new Map(conversions.map((conversion) => [variantOf(deps, conversion), conversion.input]));
  const found = await Promise.all(
    [...wanted].map(async ([variant, input]) => {
      const times = await deps.timings.find(input.kind, wantedProvider(deps.config, input));
      return times === null ? null : ([variant, totalMs(times)] as const);
    }),
  );
  return new Map(found.filter((entry) => entry !== null));
}
