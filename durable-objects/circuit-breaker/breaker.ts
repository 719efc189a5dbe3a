import type {
  CircuitForce,
  CircuitOutcome,
  CircuitPass,
  CircuitState,
  TripReason,
} from "../../src/ports/circuit-breaker.ts";
import type { AdmitAnswer } from "./contract.ts";
import { DEFAULT_BACKOFF_MS, waitMs } from "./wait.ts";
import { type Bucket, counted, hasFailures, live, tooManyFailures, withSample } from "./window.ts";

const SUCCESSES_TO_CLOSE = 2;
const MAX_PROBE_TTL_MS = 3_600_000;
/** How soon to ask again while a probe is out: it will most likely be back long before it counts as lost. */
const PROBE_POLL_MS = 5_000;
const FORCED_RETRY_MS = 30_000;
const CLOSED_CACHE_MS = 1_000;
const OPEN_CACHE_MS = 2_000;
const PROBING_CACHE_MS = 1_000;
/** Nothing that happened longer ago than this matters; far longer than any call lasts. */
const KEPT_MS = 24 * 3_600_000;

interface Closed {
  readonly kind: "closed";
  readonly window: readonly Bucket[];
}

interface Open {
  readonly kind: "open";
  readonly reason: TripReason;
  readonly openedAt: number;
  readonly until: number;
  /** Whether probes must show that all is well before it closes; otherwise it closes by itself. */
  readonly probing: boolean;
  /** Calls begun under it may still tell that the wait is longer. */
  readonly endedEpoch: number;
}

interface HalfOpen {
  readonly kind: "half_open";
  readonly reason: TripReason;
  readonly openedAt: number;
  readonly probe: { readonly token: string; readonly until: number } | null;
  readonly successes: number;
}

/** A breaker as stored: plain data. Times are epoch ms by the object's clock. */
export interface Breaker {
  /** Never the same again, not even after the breaker was forgotten: it grows with time. 0 of one that never opened. */
  readonly epoch: number;
  readonly force: CircuitForce;
  /** Under `force: "open"` it is what the circuit goes back to. */
  readonly phase: Closed | Open | HalfOpen;
  /** Since it was last closed, how often probes have found that nothing is well yet. */
  readonly reopenings: number;
  /** Of the last event that counted. */
  readonly touchedAt: number;
}

const CLOSED: Closed = { kind: "closed", window: [] };

/** One that nothing has happened to. */
export const FRESH: Breaker = { epoch: 0, force: "auto", phase: CLOSED, reopenings: 0, touchedAt: 0 };

function nextEpoch(breaker: Breaker, at: number): number {
  return Math.max(breaker.epoch + 1, at);
}

function closed(breaker: Breaker, at: number): Breaker {
  return { ...breaker, epoch: nextEpoch(breaker, at), phase: CLOSED, reopenings: 0 };
}

/** When nothing of it matters any more; null while an admin holds it. */
export function forgottenAt({ force, phase, touchedAt }: Breaker): number | null {
  if (force !== "auto") return null;
  return (phase.kind === "open" ? Math.max(touchedAt, phase.until) : touchedAt) + KEPT_MS;
}

/**
 * The breaker as time alone has made it. It depends on nothing but the moment, so nobody needs to write it down: asked
 * twice, or asked of what was stored before, it is the same.
 */
export function settled(breaker: Breaker, now: number): Breaker {
  // Held open, it stands still.
  if (breaker.force === "open") return breaker;
  const end = forgottenAt(breaker);
  if (end !== null && now >= end) return FRESH;
  const { phase } = breaker;
  if (phase.kind === "closed") {
    const window = live(phase.window, now);
    return window === phase.window ? breaker : { ...breaker, phase: { ...phase, window } };
  }
  if (phase.kind === "half_open" || now < phase.until) return breaker;
  const touchedAt = Math.max(breaker.touchedAt, phase.until);
  if (!phase.probing) return { ...closed(breaker, phase.until), touchedAt };
  const { reason, openedAt } = phase;
  return { ...breaker, phase: { kind: "half_open", reason, openedAt, probe: null, successes: 0 }, touchedAt };
}

/** Whether an eviction between the two would lose more than successes of a window without failures. */
export function mustStore(before: Breaker, after: Breaker): boolean {
  if (after === before) return false;
  if (after.phase.kind !== "closed") return true;
  return after.epoch !== before.epoch || after.force !== before.force || hasFailures(after.phase.window);
}

/** Leave to call, or none. In half-open, one at a time gets it, as a probe named `token` that is lost after `ttlMs`. */
export function admit(
  stored: Breaker,
  circuit: string,
  probe: { readonly token: string; readonly ttlMs: number },
  now: number,
): { readonly breaker: Breaker; readonly answer: AdmitAnswer } {
  const breaker = settled(stored, now);
  const { epoch, force, phase } = breaker;
  const refuse = (reason: TripReason, retryAfterMs: number, cacheMs: number) => ({
    breaker: stored,
    answer: { allowed: false as const, reason, retryAfterMs, cacheMs: Math.min(cacheMs, retryAfterMs) },
  });
  if (force === "open") return refuse("forced", FORCED_RETRY_MS, OPEN_CACHE_MS);
  if (phase.kind === "closed") {
    const pass = { circuit, epoch, probe: null };
    return { breaker: stored, answer: { allowed: true, pass, cacheMs: CLOSED_CACHE_MS } };
  }
  if (phase.kind === "open") return refuse(phase.reason, phase.until - now, OPEN_CACHE_MS);
  if (phase.probe !== null && now < phase.probe.until) {
    // What opened it may be over, as the probe will tell: nobody should give up for that reason meanwhile.
    return refuse("failures", Math.min(phase.probe.until - now, PROBE_POLL_MS), PROBING_CACHE_MS);
  }
  const until = now + Math.min(Math.max(probe.ttlMs, 1), MAX_PROBE_TTL_MS);
  return {
    breaker: { ...breaker, phase: { ...phase, probe: { token: probe.token, until } }, touchedAt: now },
    answer: { allowed: true, pass: { circuit, epoch, probe: probe.token }, cacheMs: 0 },
  };
}

type Trip = Pick<Extract<CircuitOutcome, { kind: "trip" }>, "reason" | "retryAfterMs">;

export interface Reported {
  readonly breaker: Breaker;
  /** The reason when this outcome opened the circuit or keeps it open for another one, `closed` when it closed it. */
  readonly change: TripReason | "closed" | null;
}

const FAILURES: Trip = { reason: "failures", retryAfterMs: null };

/** A limit of calls says that the other side is there: once it is over nothing needs to be tried out. */
const isSoft = (reason: TripReason) => reason === "rate_limited";

function opened(
  breaker: Breaker,
  { reason, retryAfterMs }: Trip,
  now: number,
  random: number,
  backoffMs: number,
): Reported {
  const again = breaker.phase.kind === "half_open";
  // What was not known to be well before a limit was met is not known to be well after it.
  const probing = again || !isSoft(reason);
  const reopenings = breaker.reopenings + (again && !isSoft(reason) ? 1 : 0);
  const until = now + waitMs(reason, retryAfterMs, reopenings, random, backoffMs);
  return {
    breaker: {
      ...breaker,
      epoch: nextEpoch(breaker, now),
      phase: { kind: "open", reason, openedAt: now, until, probing, endedEpoch: breaker.epoch },
      reopenings,
      touchedAt: now,
    },
    change: reason,
  };
}

/** Parallel calls were told to wait as well, and one of them for longer. */
function extended(breaker: Breaker, phase: Open, trip: Trip, now: number, random: number, backoffMs: number): Reported {
  const { reason, retryAfterMs } = trip;
  const until = now + waitMs(reason, retryAfterMs, breaker.reopenings, random, backoffMs);
  if (until <= phase.until) return { breaker, change: null };
  const probing = phase.probing || !isSoft(reason);
  return {
    breaker: { ...breaker, phase: { ...phase, reason, until, probing }, touchedAt: now },
    change: reason === phase.reason ? null : reason,
  };
}

function countedIn(
  breaker: Breaker,
  phase: Closed,
  outcome: CircuitOutcome,
  now: number,
  random: number,
  backoffMs: number,
): Reported {
  const unchanged = { breaker, change: null };
  if (outcome.kind === "neutral") return unchanged;
  const mayOpen = breaker.force === "auto";
  if (outcome.kind === "trip") return mayOpen ? opened(breaker, outcome, now, random, backoffMs) : unchanged;
  const window = withSample(phase.window, outcome.kind, now);
  if (mayOpen && outcome.kind === "failure" && tooManyFailures(window))
    return opened(breaker, FAILURES, now, random, backoffMs);
  return { breaker: { ...breaker, phase: { ...phase, window }, touchedAt: now }, change: null };
}

function probed(
  breaker: Breaker,
  phase: HalfOpen,
  outcome: CircuitOutcome,
  now: number,
  random: number,
  backoffMs: number,
): Reported {
  if (outcome.kind === "trip") return opened(breaker, outcome, now, random, backoffMs);
  if (outcome.kind === "failure") return opened(breaker, FAILURES, now, random, backoffMs);
  const successes = phase.successes + (outcome.kind === "success" ? 1 : 0);
  if (successes >= SUCCESSES_TO_CLOSE) {
    return { breaker: { ...closed(breaker, now), touchedAt: now }, change: "closed" };
  }
  return { breaker: { ...breaker, phase: { ...phase, probe: null, successes }, touchedAt: now }, change: null };
}

/**
 * The outcome of a call that `pass` gave leave to. One begun under an earlier epoch counts for nothing, but for a trip
 * that lengthens the opening which ended that epoch; nor does one of a probe that was replaced or has reported.
 */
export function report(
  stored: Breaker,
  pass: Pick<CircuitPass, "epoch" | "probe">,
  outcome: CircuitOutcome,
  now: number,
  random: number,
  backoffMs = DEFAULT_BACKOFF_MS,
): Reported {
  const breaker = settled(stored, now);
  const reported = judged(breaker, pass, outcome, now, random, backoffMs);
  return reported.breaker === breaker ? { breaker: stored, change: null } : reported;
}

function judged(
  breaker: Breaker,
  pass: Pick<CircuitPass, "epoch" | "probe">,
  outcome: CircuitOutcome,
  now: number,
  random: number,
  backoffMs: number,
): Reported {
  const { epoch, force, phase } = breaker;
  const unchanged = { breaker, change: null };
  if (force === "open") return unchanged;
  if (phase.kind === "half_open") {
    const isProbe = phase.probe !== null && phase.probe.token === pass.probe;
    return isProbe ? probed(breaker, phase, outcome, now, random, backoffMs) : unchanged;
  }
  if (phase.kind === "open") {
    if (outcome.kind !== "trip" || pass.epoch < phase.endedEpoch) return unchanged;
    return extended(breaker, phase, outcome, now, random, backoffMs);
  }
  // A later epoch than the present one is of before the breaker was forgotten, which was in the midst of calls.
  if (pass.epoch < epoch || pass.probe !== null) return unchanged;
  return countedIn(breaker, phase, outcome, now, random, backoffMs);
}

/**
 * Held open, it lets nothing through and listens to nothing; released, it is what it was. Held closed it is closed, and
 * what it counts meanwhile is looked at with the first failure after its release.
 */
export function forced(stored: Breaker, force: CircuitForce, now: number): Breaker {
  const breaker = settled(stored, now);
  if (breaker.force === force) return breaker;
  const next: Breaker = { ...breaker, force, touchedAt: now };
  const { phase } = breaker;
  if (force === "closed") return breaker.force === "auto" && phase.kind === "closed" ? next : closed(next, now);
  if (force === "auto" && breaker.force === "closed") return next;
  const epoch = nextEpoch(breaker, now);
  if (phase.kind === "half_open") return { ...next, epoch, phase: { ...phase, probe: null, successes: 0 } };
  return { ...next, epoch, phase: phase.kind === "closed" ? CLOSED : phase };
}

/** The breaker for people. */
export function described(stored: Breaker, circuit: string, now: number): CircuitState {
  const { epoch, force, phase, touchedAt } = settled(stored, now);
  const { calls, failures } = phase.kind === "closed" ? counted(phase.window) : { calls: 0, failures: 0 };
  const common = { circuit, force, epoch, calls, failures };
  if (force === "open") {
    return { ...common, state: "open", reason: "forced", retryAfterMs: null, openedAt: touchedAt };
  }
  if (phase.kind === "closed") return { ...common, state: "closed", reason: null, retryAfterMs: null, openedAt: null };
  const { kind: state, reason, openedAt } = phase;
  return { ...common, state, reason, retryAfterMs: phase.kind === "open" ? phase.until - now : null, openedAt };
}
