import type { RateLimiter, RatePolicy, RateTicket, Taken } from "../ports/rate-limiter.ts";
import { AppError } from "./app-error.ts";
import { sleep } from "./clock.ts";
import type { ErrorCode } from "./error-registry.ts";

/** Every limit there is; the numbers come from the configuration. */
export interface RateLimits {
  /** Codes sent, from one address. */
  readonly otpPerIp: RatePolicy;
  /** Codes sent to one phone, over all purposes: cooldown, hour and day. */
  readonly otpPerPhone: RatePolicy;
  /** Codes sent from one address that nobody has entered yet. */
  readonly unverifiedPerIp: RatePolicy;
  /** Codes sent to one country that nobody has entered yet: what toll fraud looks like. */
  readonly unverifiedPerCountry: RatePolicy;
  /** Codes entered wrongly, from one address. */
  readonly verifyPerIp: RatePolicy;
  /** Codes entered wrongly for one phone, on devices it has not been used on. */
  readonly verifyPerPhone: RatePolicy;
  /** Codes entered wrongly for one phone, on devices it has been used on. */
  readonly verifyPerKnownDevice: RatePolicy;
  /** Failed logins from one address. */
  readonly loginPerIp: RatePolicy;
  /** Logins with a password for one phone, good ones too: each costs a hash. */
  readonly loginsPerPhone: RatePolicy;
  /** Passwords reset for one phone: each costs a hash. */
  readonly resetsPerPhone: RatePolicy;
  /** Failed logins for one phone, from devices it has not been used on. */
  readonly loginPerPhone: RatePolicy;
  /** Failed logins for one phone, from devices it has been used on. */
  readonly loginPerKnownDevice: RatePolicy;
  /** Wrong current passwords at a change of password. */
  readonly passwordChangePerUser: RatePolicy;
  readonly refreshPerSession: RatePolicy;
  /** What a user changes or tries to: each is written down for good. */
  readonly commandsPerUser: RatePolicy;
  readonly uploadsPerUser: RatePolicy;
  readonly conversionsPerUser: RatePolicy;
}

const POLL_MS = 150;
const LONGEST_POLL_MS = 600;
const LONGEST_WAIT_MS = 6_000;

/** The refusal of a full window. */
export function refusal(
  code: Extract<ErrorCode, "rate_limited" | "too_many_attempts">,
  retryAfterMs: number,
): AppError {
  return new AppError(code, { retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1000)) });
}

/**
 * Takes from several limits for one attempt. When one refuses or can't be asked, those taken before are given back: an
 * attempt that does not happen counts nowhere.
 */
export class Admission {
  readonly #limiter: RateLimiter;
  readonly #tickets: RateTicket[] = [];

  constructor(limiter: RateLimiter) {
    this.#limiter = limiter;
  }

  /** @throws {AppError} `code` when the limit is reached. */
  async take(
    policy: RatePolicy,
    subject: string,
    code: "rate_limited" | "too_many_attempts" = "rate_limited",
  ): Promise<{ readonly ticket: RateTicket; readonly remaining: number }> {
    const taken = await this.#settledTake(policy, subject).catch((error: unknown) => this.#giveUp(error));
    if (!taken.allowed) {
      return this.#giveUp(refusal(code, taken.pending > 0 ? POLL_MS : taken.retryAfterMs));
    }
    this.#tickets.push(taken.ticket);
    return taken;
  }

  /** Undoes everything taken so far. */
  async giveBack(): Promise<void> {
    await Promise.all(this.#tickets.splice(0).map((ticket) => this.#limiter.giveBack(ticket)));
  }

  /** Where a lock is full of attempts under way, waits for what becomes of them: they may all turn out well. */
  async #settledTake(policy: RatePolicy, subject: string): Promise<Taken> {
    const deadline = Date.now() + LONGEST_WAIT_MS;
    for (let pauseMs = POLL_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_POLL_MS)) {
      const taken = await this.#limiter.take(policy, subject);
      if (taken.allowed || taken.pending === 0 || Date.now() >= deadline) return taken;
      await sleep(pauseMs * (0.5 + Math.random() / 2));
    }
  }

  async #giveUp(error: unknown): Promise<never> {
    await this.giveBack();
    throw error;
  }
}

/** For `catch`: undoes what was taken for an attempt that failed for another reason. @throws {unknown} the reason. */
export async function giveBackAll(admissions: readonly Admission[], reason: unknown): Promise<never> {
  await Promise.all(admissions.map((admission) => admission.giveBack()));
  throw reason;
}
