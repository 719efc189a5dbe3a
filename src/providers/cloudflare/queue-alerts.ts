import type { Background } from "../../kernel/background.ts";
import { clipText } from "../../kernel/clip-text.ts";
import { type Clock, sleep, systemClock } from "../../kernel/clock.ts";
import { describeError } from "../../kernel/describe-error.ts";
import { createLogAlerts } from "../../kernel/log-alerts.ts";
import type { Logger } from "../../kernel/logger.ts";
import { scrubText } from "../../kernel/redact.ts";
import { unlessAborted } from "../../kernel/unless-aborted.ts";
import type { Alert, Alerts } from "../../ports/alerts.ts";
import type { Metrics } from "../../ports/metrics.ts";
import { ALERT_CHARS, MAX_ALERT_COUNT, type QueueMessage } from "../../queues/messages.ts";

export interface QueueAlertsDeps {
  readonly logger: Logger;
  readonly background: Background;
  readonly metrics: Metrics;
  /** Which Worker raises them. */
  readonly worker: string;
  readonly clock?: Clock;
  /** How long an isolate holds back more of one matter after it has sent a first message about it. */
  readonly holdMs?: number;
}

const HOLD_MS = 1_000;
/** The longest: what waits must be sent within the 30 s that an invocation may go on for. */
const MAX_HOLD_MS = 20_000;
const EARLY_MS = 50;
const SEND_TIMEOUT_MS = 5_000;
const MAX_MATTERS = 256;
/** Of a huge text no more is looked at, nor kept; far more than may be sent of it. */
const MAX_READ_CHARS = 4_000;

/** What was raised and not sent yet. */
interface Pending {
  readonly alert: Alert;
  readonly count: number;
  /** Epoch ms of the earliest. */
  readonly since: number;
}

/** One matter as this isolate knows it. */
interface Matter {
  /** Until then nothing more of it is sent. */
  until: number;
  /** Doubles with each message while it goes on. */
  holdMs: number;
  held: Pending | null;
}

/** Shared by all invocations of the isolate: plain data, for a promise belongs to the invocation that made it. */
const matters = new WeakMap<object, Map<string, Matter>>();

function matterOf(queue: object, { name, about }: Alert): Matter {
  const known = matters.get(queue) ?? new Map<string, Matter>();
  matters.set(queue, known);
  const key = JSON.stringify([name, about]);
  const matter = known.get(key) ?? { until: 0, holdMs: 0, held: null };
  known.delete(key);
  const [oldest] = known.keys();
  if (known.size >= MAX_MATTERS && oldest !== undefined) known.delete(oldest);
  known.set(key, matter);
  return matter;
}

function joined(held: Pending | null, alert: Alert, count: number, since: number): Pending {
  return { alert, count: count + (held?.count ?? 0), since: Math.min(since, held?.since ?? since) };
}

function bounded({ name, about, what, advice }: Alert): Alert {
  const start = (text: string) => text.slice(0, MAX_READ_CHARS);
  return { name, about: start(about), what: start(what), advice: start(advice) };
}

function messageOf({ alert, count, since }: Pending, worker: string): QueueMessage {
  const { name, about, what, advice } = alert;
  const text = (value: string, maxChars: number) => clipText(scrubText(value), maxChars);
  return {
    v: 1,
    type: "alert.raise",
    alert: {
      name,
      about: text(about, ALERT_CHARS.about),
      what: text(what, ALERT_CHARS.what),
      advice: text(advice, ALERT_CHARS.advice),
    },
    at: since,
    worker,
    ...(count > 1 && { count: Math.min(count, MAX_ALERT_COUNT) }),
  };
}

/**
 * Alerts in the log, in `alerts_raised_total`, and on the queue that brings them to the AlertDesk.
 *
 * An isolate sends one message a matter a second, and fewer while it goes on, however often it is raised; what it holds
 * back is counted by the next one, which follows by itself at the end of that time. A message that can't be sent is tried once more with those,
 * then held for the next alert of its matter: the log has it in any case.
 */
export function createQueueAlerts(queue: Pick<Queue, "send">, deps: QueueAlertsDeps): Alerts {
  const { logger, background, metrics, worker, clock = systemClock, holdMs = HOLD_MS } = deps;
  const log = createLogAlerts(logger);

  async function send(matter: Matter, pending: Pending): Promise<boolean> {
    try {
      const sent = queue.send(messageOf(pending, worker), { contentType: "json" });
      await unlessAborted(sent, AbortSignal.timeout(SEND_TIMEOUT_MS));
      return true;
    } catch (error) {
      const { name, about } = pending.alert;
      logger.log("warn", "an alert could not be sent", { alert: name, about, cause: describeError(error) });
      matter.held = joined(matter.held, matter.held?.alert ?? pending.alert, pending.count, pending.since);
      return false;
    }
  }

  /** Nothing where it is longer than it can be: then the clock was set back. */
  function leftMs({ until, holdMs: longestMs }: Matter): number {
    const left = until - clock.now();
    return left > longestMs ? 0 : Math.max(0, left);
  }

  function takeHeld(matter: Matter): Pending | null {
    const { held } = matter;
    if (held === null || leftMs(matter) > 0) return null;
    const now = clock.now();
    const goesOn = Math.abs(now - matter.until) <= matter.holdMs;
    matter.holdMs = goesOn ? Math.min(2 * matter.holdMs, MAX_HOLD_MS) : holdMs;
    matter.held = null;
    matter.until = now + matter.holdMs;
    return held;
  }

  async function sendHeldLater(matter: Matter): Promise<void> {
    if (leftMs(matter) > 0) await sleep(leftMs(matter));
    // A timer may ring a little early by the clock.
    if (leftMs(matter) > 0) await sleep(Math.min(leftMs(matter), EARLY_MS));
    const held = takeHeld(matter);
    if (held !== null) await send(matter, held);
  }

  async function sendNow(matter: Matter, pending: Pending): Promise<void> {
    if (!(await send(matter, pending))) await sendHeldLater(matter);
  }

  function handOn(alert: Alert): void {
    const now = clock.now();
    const matter = matterOf(queue, alert);
    const isFirstHeld = matter.held === null;
    matter.held = joined(matter.held, alert, 1, now);
    const due = takeHeld(matter);
    if (due !== null) background(sendNow(matter, due));
    else if (isFirstHeld) background(sendHeldLater(matter));
  }

  return {
    raise(given) {
      const alert = bounded(given);
      log.raise(alert);
      try {
        metrics.count("alerts_raised_total", { name: alert.name });
        handOn(alert);
      } catch (error) {
        logger.log("warn", "an alert could not be sent", { alert: alert.name, cause: describeError(error) });
      }
    },
  };
}
