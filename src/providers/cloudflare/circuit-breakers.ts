import type { AdmitAnswer, CircuitBreakerApi } from "../../../durable-objects/circuit-breaker/contract.ts";
import { type Clock, systemClock } from "../../kernel/clock.ts";
import { describeError } from "../../kernel/describe-error.ts";
import type { Logger } from "../../kernel/logger.ts";
import type { CircuitAdmission, CircuitBreakers } from "../../ports/circuit-breaker.ts";
import type { Metrics } from "../../ports/metrics.ts";
import { askObject } from "./ask-object.ts";

/** The CircuitBreaker namespace, as far as it is used. */
export interface CircuitBreakerObjects {
  getByName(circuit: string): CircuitBreakerApi;
}

export interface CircuitBreakersOptions {
  readonly clock?: Clock;
  /** Told when a breaker can't be asked and calls go through unwatched. */
  readonly logger?: Logger;
  readonly metrics?: Metrics;
  /**
   * After so long without an outcome a probe is taken to be lost. To be longer than a caller holds its pass, which is
   * the call and all it does between leave and call, such as fetching what it sends.
   */
  readonly probeTtlMs?: number;
  /** How long a circuit stays open for the first time; twice as long each further time. */
  readonly backoffMs?: number;
}

const TIMEOUT_MS = 1_500;
const PROBE_TTL_MS = 120_000;
const BACKOFF_MS = 30_000;
/** Whatever the object promises. */
const MAX_CACHE_MS = 2_000;
/** For how long an object that could not be asked is left in peace. */
const UNASKED_CACHE_MS = 1_000;
const MAX_CACHED = 64;
/** Of leave that no object has given: what becomes of such calls is told to nobody. */
const NO_EPOCH = -1;

interface Known {
  readonly answer: AdmitAnswer;
  readonly receivedAt: number;
  readonly until: number;
}

interface Cache {
  readonly known: Map<string, Known>;
  /** Answers that were asked for before the latest change are not to be believed after it. */
  changes: number;
}

/** Shared by all requests of the isolate; plain values only, for a promise belongs to the request that made it. */
const caches = new WeakMap<object, Cache>();

function cacheOf(objects: object): Cache {
  const cache = caches.get(objects) ?? { known: new Map(), changes: 0 };
  caches.set(objects, cache);
  return cache;
}

function remember({ known }: Cache, circuit: string, entry: Known): void {
  known.delete(circuit);
  const [oldest] = known.keys();
  if (known.size >= MAX_CACHED && oldest !== undefined) known.delete(oldest);
  known.set(circuit, entry);
}

function forget(cache: Cache, circuit: string): void {
  cache.known.delete(circuit);
  cache.changes++;
}

/** The answer without what concerns the cache, `agoMs` after it came. */
function admissionOf(answer: AdmitAnswer, agoMs: number): CircuitAdmission {
  if (answer.allowed) return { allowed: true, pass: answer.pass };
  const { reason, retryAfterMs } = answer;
  return { allowed: false, reason, retryAfterMs: Math.max(1, retryAfterMs - agoMs) };
}

/**
 * Breakers in one Durable Object a circuit, shared by every isolate; each believes an answer for up to two seconds.
 * Fails open: where an object doesn't answer within 1.5 s, calls go through and nobody counts what becomes of them. An
 * outcome is reported once, for one that is told twice counts twice.
 */
export function createCircuitBreakers(
  objects: CircuitBreakerObjects,
  options: CircuitBreakersOptions = {},
): CircuitBreakers {
  const { clock = systemClock, logger, metrics, probeTtlMs = PROBE_TTL_MS, backoffMs = BACKOFF_MS } = options;
  const cache = cacheOf(objects);
  const ask = <T>(circuit: string, question: (breaker: CircuitBreakerApi) => Promise<T>) =>
    askObject((async () => question(objects.getByName(circuit)))(), TIMEOUT_MS);

  function tell(circuit: string, what: string, error: unknown): void {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    logger?.log("warn", what, { circuit, cause: describeError(cause) });
  }

  async function learn(circuit: string): Promise<Known> {
    const askedAt = clock.now();
    try {
      const answer = await ask(circuit, (breaker) => breaker.admit(circuit, probeTtlMs));
      // By the time of the question: the object may have answered long before the answer came.
      return { answer, receivedAt: clock.now(), until: askedAt + Math.min(answer.cacheMs, MAX_CACHE_MS) };
    } catch (error) {
      tell(circuit, "a circuit breaker could not be asked", error);
      const [pass, receivedAt] = [{ circuit, epoch: NO_EPOCH, probe: null }, clock.now()];
      return { answer: { allowed: true, pass, cacheMs: 0 }, receivedAt, until: receivedAt + UNASKED_CACHE_MS };
    }
  }

  return {
    async admit(circuit) {
      const now = clock.now();
      const known = cache.known.get(circuit);
      if (known !== undefined && now < known.until) return admissionOf(known.answer, now - known.receivedAt);
      const asOf = cache.changes;
      const learnt = await learn(circuit);
      if (asOf === cache.changes && learnt.until > learnt.receivedAt) remember(cache, circuit, learnt);
      return admissionOf(learnt.answer, 0);
    },

    async report(pass, outcome) {
      if (pass.epoch === NO_EPOCH) return null;
      const { circuit } = pass;
      try {
        const change = await ask(circuit, (breaker) => breaker.report(pass, outcome, backoffMs));
        // A trip that changes nothing shows that somebody else's did, which this isolate may not know yet; a probe that
        // is back makes room for the next one.
        if (change !== null || outcome.kind === "trip" || pass.probe !== null) forget(cache, circuit);
        if (change !== null) metrics?.count("circuit_transitions_total", { circuit, to: change });
        return change;
      } catch (error) {
        tell(circuit, "an outcome could not be reported to its circuit breaker", error);
        return null;
      }
    },

    state: (circuit) => ask(circuit, (breaker) => breaker.state(circuit)),

    async force(circuit, force) {
      try {
        return await ask(circuit, (breaker) => breaker.force(circuit, force));
      } finally {
        forget(cache, circuit);
      }
    },
  };
}
