import type { RateLimiterApi, TakeAnswer } from "../../../durable-objects/rate-limiter/contract.ts";
import type { Keyring } from "../../kernel/keyring.ts";
import type { Metrics } from "../../ports/metrics.ts";
import type { RateLimiter, RatePolicy, ShownLimit, Taken } from "../../ports/rate-limiter.ts";
import { askObject } from "./ask-object.ts";

/** The RateLimiter namespace, as far as it is used. */
export interface RateLimiterObjects {
  getByName(name: string): RateLimiterApi;
}

const TIMEOUT_MS = 5_000;

const ask = <T>(answer: Promise<T>) => askObject(answer, TIMEOUT_MS);

/** The tightest of a policy's windows. */
function tightest(policy: RatePolicy, { windows }: TakeAnswer): ShownLimit | null {
  const states = windows.map((state, i) => ({ policy, windowMs: policy.windows[i]?.windowMs ?? 0, ...state }));
  const [first] = states.sort((a, b) => a.remaining - b.remaining || b.resetMs - a.resetMs);
  return first ?? null;
}

/**
 * A Durable Object a key, named by a MAC of policy and subject, so that names hold no personal data. One instance
 * belongs to one request and remembers what the answer may show.
 */
export function createRateLimiter(
  objects: RateLimiterObjects,
  { keyring, metrics }: { readonly keyring: Keyring; readonly metrics: Metrics },
): RateLimiter {
  /** By object. */
  const shown = new Map<string, ShownLimit>();
  const nameOf = (policy: RatePolicy, subject: string) => keyring.mac("rate-limit", [policy.name, subject]);
  return {
    async take(policy, subject): Promise<Taken> {
      const object = await nameOf(policy, subject);
      const { windows, growth } = policy;
      const decided = (decision: string) =>
        metrics.count("rate_limit_decisions_total", { policy: policy.name, decision });
      let answer: TakeAnswer;
      try {
        answer = await ask(objects.getByName(object).take({ windows, ...(growth ? { growth } : {}) }));
      } catch (error) {
        decided("unavailable");
        throw error;
      }
      decided(answer.allowed ? "allowed" : "denied");
      const state = tightest(policy, answer);
      if (policy.shown && state !== null) shown.set(object, state);
      if (!answer.allowed) {
        return { allowed: false, retryAfterMs: answer.retryAfterMs, pending: answer.pending };
      }
      return { allowed: true, ticket: { object, takeId: answer.takeId }, remaining: state?.remaining ?? 0 };
    },
    confirm: ({ object, takeId }) => ask(objects.getByName(object).confirm(takeId)),
    async giveBack({ object, takeId }) {
      const state = shown.get(object);
      if (state) shown.set(object, { ...state, remaining: Math.min(state.limit, state.remaining + 1) });
      await ask(objects.getByName(object).giveBack(takeId));
    },
    async settle({ growth }, { object, takeId }) {
      const stub = objects.getByName(object);
      await ask(growth ? stub.settle(takeId, growth) : stub.giveBack(takeId));
    },
    async clear(policy, subject) {
      await ask(objects.getByName(await nameOf(policy, subject)).clear());
    },
    shown: () => [...shown.values()],
  };
}
