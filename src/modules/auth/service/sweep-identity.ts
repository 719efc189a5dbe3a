import { describeError } from "../../../kernel/describe-error.ts";
import { sweepPart } from "../../../kernel/sweep-part.ts";
import type { OutboxEntry } from "../../../ports/outbox.ts";
import type { AccountStanding } from "../../../ports/session-store.ts";
import type { AuthDeps } from "../deps.ts";
import { deliverSms } from "./deliver-sms.ts";

const TOPICS = ["sessions.advance", "sessions.end"] as const;
const BATCH = 100;
const POSTPONED_MS = 30_000;
/** The queue's own message comes first; this is how late it may be. */
const SMS_LATE_MS = 5_000;
/** A Worker has six connections; a provider that hangs must not hold the sweep up for long. */
const SENT_AT_ONCE = 5;

export interface IdentitySweep {
  readonly promisesKept: number;
  readonly messagesTried: number;
}

type SweepDeps = Pick<
  AuthDeps,
  | "clock"
  | "logger"
  | "metrics"
  | "errors"
  | "outbox"
  | "sessions"
  | "keyring"
  | "sms"
  | "smsOutbox"
  | "users"
  | "config"
>;

/** Does what a request had promised and did not live to do: telling sessions of changes, sending codes. */
export async function sweepIdentity(deps: SweepDeps): Promise<IdentitySweep> {
  return {
    promisesKept: await sweepPart(deps, "promises", () => keepPromises(deps)),
    messagesTried: await sweepPart(deps, "messages", () => sendLeftOver(deps)),
  };
}

async function keep(deps: SweepDeps, entry: OutboxEntry<(typeof TOPICS)[number]>): Promise<void> {
  if (entry.topic === "sessions.end") {
    await deps.sessions.end(entry.payload.userId, entry.payload.sessionId);
    return;
  }
  const { userId, role, status, epoch, effect, keep } = entry.payload;
  await deps.sessions.advance({ userId, standing: { role, status, epoch } as AccountStanding, effect, keep });
}

async function keepPromises(deps: SweepDeps): Promise<number> {
  let kept = 0;
  for (const entry of await deps.outbox.listDue(TOPICS, deps.clock.now(), BATCH)) {
    try {
      await keep(deps, entry);
      await deps.outbox.settle(entry.id);
      kept++;
    } catch (error) {
      deps.logger.log("error", "promise not kept", {
        outboxId: entry.id,
        topic: entry.topic,
        cause: describeError(error),
      });
      // Behind the others until the next sweep.
      await deps.outbox.postpone(entry.id, deps.clock.now() + POSTPONED_MS);
    }
  }
  return kept;
}

async function deliver(deps: SweepDeps, id: string): Promise<void> {
  await deliverSms(deps, id).catch((error: unknown) => {
    deps.logger.log("error", "code not delivered", { smsId: id, cause: describeError(error) });
  });
}

async function sendLeftOver(deps: SweepDeps): Promise<number> {
  if (deps.config.sms.kind === "unavailable") return 0;
  const ids = await deps.smsOutbox.listDue(deps.clock.now() - SMS_LATE_MS, BATCH);
  for (let i = 0; i < ids.length; i += SENT_AT_ONCE) {
    await Promise.all(ids.slice(i, i + SENT_AT_ONCE).map((id) => deliver(deps, id)));
  }
  return ids.length;
}
