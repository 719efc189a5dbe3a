import type { RateLimiterApi, TakeAnswer } from "../../../durable-objects/rate-limiter/contract.ts";
import { AppError } from "../../kernel/app-error.ts";
import type { Keyring } from "../../kernel/keyring.ts";
import type { RateLimiter, RatePolicy, ShownLimit, Taken } from "../../ports/rate-limiter.ts";

/** The RateLimiter namespace, as far as it is used. */
export interface RateLimiterObjects {
  getByName(name: string): RateLimiterApi;
}

const TIMEOUT_MS = 5_000;

/** Fails closed, and asks once: an overloaded object only suffers from retries. */
async function ask<T>(answer: Promise<T>): Promise<T> {
  const { promise: timeout, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("the rate limiter took too long")), TIMEOUT_MS);
  try {
    return await Promise.race([answer, timeout]);
  } catch (cause) {
    throw new AppError("service_unavailable", { cause });
  } finally {
    clearTimeout(timer);
  }
}

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
export function createRateLimiter(objects: RateLimiterObjects, keyring: Keyring): RateLimiter {
  /** By object. */
  const shown = new Map<string, ShownLimit>();
  const nameOf = (policy: RatePolicy, subject: string) => keyring.mac("rate-limit", [policy.name, subject]);
  return {
    async take(policy, subject): Promise<Taken> {
      const object = await nameOf(policy, subject);
      const { windows, growth } = policy;
      const answer = await ask(objects.getByName(object).take({ windows, ...(growth ? { growth } : {}) }));
      const state = tightest(policy, answer);
      if (policy.shown && state !== null) shown.set(object, state);
      if (!answer.allowed) return { allowed: false, retryAfterMs: answer.retryAfterMs };
      return { allowed: true, ticket: { object, takeId: answer.takeId }, remaining: state?.remaining ?? 0 };
    },
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
