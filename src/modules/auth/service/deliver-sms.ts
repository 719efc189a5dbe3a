import { describeError } from "../../../kernel/describe-error.ts";
import { SmsError } from "../../../ports/sms-sender.ts";
import type { AuthDeps } from "../deps.ts";
import { unsealSms } from "../sealed-sms.ts";

type DeliverDeps = Pick<AuthDeps, "clock" | "logger" | "metrics" | "keyring" | "sms" | "smsOutbox" | "users">;

/** A provider that has not answered by then won't be waited for. */
const TIMEOUT_MS = 10_000;
/** Whoever claimed a message has it for as long; after a crash somebody else sends it. */
const CLAIM_MS = 20_000;
/** The clock of whoever delivers may be behind; a message that came too early for it would wait for the sweep. */
const EARLY_MS = 500;
const MAX_ATTEMPTS = 5;
const MAX_BACKOFF_MS = 60_000;

export type Delivery =
  | { readonly kind: "done" }
  /** To be tried again after `delayMs`. */
  | { readonly kind: "later"; readonly delayMs: number };

const DONE: Delivery = { kind: "done" };

/** When to try again after a failure; null for never. Retries stay few: a lost answer may hide a message that was sent. */
function backoffMs(error: unknown, attempts: number): number | null {
  const failure = error instanceof SmsError ? error.failure : "unavailable";
  if (failure === "rejected" || attempts >= MAX_ATTEMPTS) return null;
  const asked = error instanceof SmsError ? (error.retryAfterMs ?? 0) : 0;
  const base = failure === "config" ? MAX_BACKOFF_MS / 2 : 1_000 * 2 ** attempts;
  return Math.min(MAX_BACKOFF_MS, Math.max(asked, base * (0.5 + Math.random() / 2)));
}

/**
 * Sends one message of the outbox. The claim keeps a message that the queue brings twice from being sent twice; after a
 * crash in the middle it is sent again once the claim has run out, for nobody knows whether it went out. A `login` or
 * `password_reset` code for a phone without an account is dropped here, where nobody is waiting for the answer.
 */
export async function deliverSms(deps: DeliverDeps, id: string): Promise<Delivery> {
  const now = deps.clock.now();
  const claimed = await deps.smsOutbox.claim(id, { now: now + EARLY_MS, until: now + CLAIM_MS });
  if (claimed === null) return DONE;
  const { sealed, attempts, expiresAt } = claimed;
  const message = await unsealSms(deps.keyring, sealed);
  if (message === null || expiresAt <= now) {
    const reason = message === null ? "unreadable" : "expired";
    deps.logger.log("error", "code not sent", { smsId: id, attempts, reason });
    deps.metrics.count("sms_messages_total", { outcome: "given_up" });
    await deps.smsOutbox.remove(id);
    return DONE;
  }
  if (message.purpose !== "register" && !(await deps.users.isRegistered(message.to))) {
    await deps.smsOutbox.remove(id);
    return DONE;
  }
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    await deps.sms.sendOtp({ to: message.to, code: message.code, ttlMs: expiresAt - now }, { signal });
  } catch (error) {
    return giveUpOrPostpone(deps, { id, attempts, expiresAt, now }, error);
  }
  await deps.smsOutbox.remove(id);
  deps.logger.log("info", "code sent", { smsId: id, attempts });
  deps.metrics.count("sms_messages_total", { outcome: "sent" });
  return DONE;
}

async function giveUpOrPostpone(
  deps: DeliverDeps,
  sms: { readonly id: string; readonly attempts: number; readonly expiresAt: number; readonly now: number },
  error: unknown,
): Promise<Delivery> {
  const { id, attempts, expiresAt, now } = sms;
  const delayMs = backoffMs(error, attempts);
  const isOver = delayMs === null || now + delayMs >= expiresAt;
  deps.metrics.count("sms_messages_total", { outcome: isOver ? "given_up" : "delayed" });
  deps.logger.log(isOver ? "error" : "warn", isOver ? "code not sent" : "code delayed", {
    smsId: id,
    attempts,
    failure: error instanceof SmsError ? error.failure : "unavailable",
    cause: describeError(error),
  });
  if (isOver) await deps.smsOutbox.remove(id);
  else await deps.smsOutbox.postpone(id, now + delayMs);
  return isOver ? DONE : { kind: "later", delayMs };
}
