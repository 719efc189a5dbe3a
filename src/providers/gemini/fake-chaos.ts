import { createRng } from "../local-engine/rng.ts";

/** What may go wrong at random, and the script it is. */
const SCRIPT_OF = {
  unavailable: "unavailable",
  rateLimited: "rate-limited:2s",
  hang: "hang",
  stall: "stall",
  empty: "words-only",
  blocked: "finish:IMAGE_SAFETY",
  garbled: "truncated-json",
  reset: "reset",
} as const;

export type ChaosKind = keyof typeof SCRIPT_OF;
export const CHAOS_KINDS = Object.keys(SCRIPT_OF) as ChaosKind[];
/** The share of calls, 0 to 1, that each takes. */
export type Chaos = Readonly<Partial<Record<ChaosKind, number>>>;

/** @throws {Error} for an unknown kind, or shares that are none or come to more than all calls. */
export function checkChaos(value: unknown): Chaos {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("shares by kind are wanted");
  let sum = 0;
  for (const [kind, share] of Object.entries(value)) {
    if (!Object.hasOwn(SCRIPT_OF, kind))
      throw new Error(`no such failure: ${kind}; there are ${CHAOS_KINDS.join(", ")}`);
    if (typeof share !== "number" || !(share >= 0 && share <= 1)) throw new Error(`${kind} must be from 0 to 1`);
    sum += share;
  }
  if (sum > 1 + 1e-9) throw new Error("the shares come to more than 1");
  return value as Chaos;
}

/** Draws, from a seed, what becomes of each call. */
export function createChaos(seed: number) {
  const rng = createRng(seed);
  let shares: Chaos = {};
  return {
    set(chaos: Chaos): void {
      shares = checkChaos(chaos);
    },
    /** The failure of the next call and its script; null for none. */
    draw(): { readonly kind: ChaosKind; readonly script: string } | null {
      let left = rng();
      for (const [kind, share] of Object.entries(shares) as [ChaosKind, number][]) {
        left -= share;
        if (left < 0) return { kind, script: SCRIPT_OF[kind] };
      }
      return null;
    },
  };
}
