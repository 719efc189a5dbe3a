import type { OtherAlerts } from "../../src/providers/telegram/alert-text.ts";
import type { TelegramOutcome } from "../../src/providers/telegram/telegram.ts";
import type { Note } from "./matters.ts";
import { ruleOf } from "./rules.ts";

/** Alerts that had no room one by one. */
export type Tally = OtherAlerts;

/** A message that waits to be sent. */
export interface Waiting {
  /** Grows with time. */
  readonly id: number;
  readonly note: Note | Tally;
  readonly queuedAt: number;
  /** It was refused as it was, and is to be sent without any marks. */
  readonly plain: boolean;
}

/** Messages on their way, in the order in which they leave. Plain data; times are epoch ms by the object's clock. */
export interface Outbox {
  readonly waiting: readonly Waiting[];
  readonly tally: { readonly told: Tally; readonly startedAt: number } | null;
  readonly lastId: number;
  /** Nothing is sent before. */
  readonly nextAt: number;
  /** In a row, without an answer. */
  readonly failures: number;
  /** Up to then it was something else than the network that held messages up: they do not age by it. */
  readonly heldUntil: number;
}

/** A message that will not be sent as what it is; all but a tally join the tally. */
export interface Dropped {
  readonly note: Note | Tally;
  readonly why: "overflow" | "outdated" | "rejected";
}

export interface Sent {
  readonly outbox: Outbox;
  readonly dropped: readonly Dropped[];
}

export const EMPTY_OUTBOX: Outbox = { waiting: [], tally: null, lastId: 0, nextAt: 0, failures: 0, heldUntil: 0 };

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;
/**
 * Telegram lets a bot send twenty messages a minute to a group. Since it counts from the end of one call to the start of
 * the next, this is never more.
 */
export const GAP_MS = 3 * SECOND_MS;
export const MAX_WAITING = 100;
/** A call without an outcome by then has died with its process. Longer than the call may take. */
export const ATTEMPT_MS = 15 * SECOND_MS;
const FIRST_BACKOFF_MS = 5 * SECOND_MS;
const MAX_BACKOFF_MS = 5 * MINUTE_MS;
const MISCONFIGURED_MS = 10 * MINUTE_MS;
const UNCONFIGURED_MS = MINUTE_MS;
/** A tally is told when nothing else waits, and in any case so long after its first. */
const TALLY_MS = 10 * MINUTE_MS;

const isTally = ({ note }: Waiting) => note.kind === "others";

/** Lower is folded first. */
function worthOf(note: Note | Tally): number {
  if (note.kind === "others") return Number.POSITIVE_INFINITY;
  return (ruleOf(note.name).severity === "critical" ? 2 : 0) + (note.kind === "first" ? 1 : 0);
}

function tallied(outbox: Outbox, note: Note | Tally, now: number): Outbox {
  if (note.kind === "others") return outbox;
  const { told = { kind: "others", counts: {}, since: note.since } as const, startedAt = now } = outbox.tally ?? {};
  const counts = { ...told.counts, [note.name]: (told.counts[note.name] ?? 0) + note.count };
  return { ...outbox, tally: { told: { ...told, counts, since: Math.min(told.since, note.since) }, startedAt } };
}

function without(outbox: Outbox, gone: readonly Waiting[], why: Dropped["why"], now: number): Sent {
  const rest = { ...outbox, waiting: outbox.waiting.filter((message) => !gone.includes(message)) };
  return {
    outbox: gone.reduce<Outbox>((next, { note }) => tallied(next, note, now), rest),
    dropped: gone.map(({ note }) => ({ note, why })),
  };
}

/** Puts a message at the end. Where too many wait, the oldest of lowest worth goes; the first may be on its way. */
export function queued(outbox: Outbox, note: Note, queuedAt: number): Sent {
  const id = outbox.lastId + 1;
  const next = { ...outbox, lastId: id, waiting: [...outbox.waiting, { id, note, queuedAt, plain: false }] };
  const [first, ...foldable] = next.waiting;
  const excess = next.waiting.length - MAX_WAITING - (first !== undefined && isTally(first) ? 1 : 0);
  if (excess <= 0) return { outbox: next, dropped: [] };
  const lowest = Math.min(...foldable.map((message) => worthOf(message.note)));
  const gone = foldable.filter((message) => worthOf(message.note) === lowest).slice(0, 1);
  return without(next, gone, "overflow", queuedAt);
}

/** With a tally that is due as the first message. */
function withTally(outbox: Outbox, now: number): Outbox {
  const { tally, waiting } = outbox;
  const [first] = waiting;
  if (tally === null || (first !== undefined && (isTally(first) || now < tally.startedAt + TALLY_MS))) return outbox;
  const id = outbox.lastId + 1;
  const message = { id, note: tally.told, queuedAt: now, plain: false };
  return { ...outbox, tally: null, lastId: id, waiting: [message, ...waiting] };
}

/** Takes the message that is to be sent now, if there is one; what becomes of it is told to {@link settled}. */
export function begun(outbox: Outbox, now: number): { readonly outbox: Outbox; readonly message: Waiting | null } {
  if (now < outbox.nextAt) return { outbox, message: null };
  const ready = withTally(outbox, now);
  const [message] = ready.waiting;
  if (message === undefined) return { outbox, message: null };
  return { outbox: { ...ready, nextAt: now + ATTEMPT_MS }, message };
}

/** When there will be something to send; null while there is nothing. */
export function nextSendAt({ waiting, tally, nextAt }: Outbox): number | null {
  return waiting.length === 0 && tally === null ? null : nextAt;
}

function paused(outbox: Outbox, now: number, waitMs: number): Outbox {
  const nextAt = now + Math.max(GAP_MS, waitMs);
  return { ...outbox, failures: 0, heldUntil: nextAt, nextAt };
}

/** Nobody can say how to send: the configuration is bad. */
export function postponed(outbox: Outbox, now: number): Outbox {
  return paused(outbox, now, UNCONFIGURED_MS);
}

/** Without an answer: later and later, and what has been tried for a day is given up. */
function failed(outbox: Outbox, now: number): Sent {
  const failures = outbox.failures + 1;
  const waitMs = Math.min(FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 10), MAX_BACKOFF_MS);
  const next = { ...outbox, failures, nextAt: now + waitMs };
  const isOutdated = (message: Waiting) =>
    !isTally(message) && now - Math.max(message.queuedAt, outbox.heldUntil) >= DAY_MS;
  return without(next, outbox.waiting.filter(isOutdated), "outdated", now);
}

/** What became of a message. One that has been dropped meanwhile changes no more than the pace. */
export function settled(outbox: Outbox, id: number, outcome: TelegramOutcome, now: number): Sent {
  const message = outbox.waiting.find((waiting) => waiting.id === id);
  const kept = (next: Outbox): Sent => ({ outbox: next, dropped: [] });
  switch (outcome.kind) {
    case "sent": {
      const waiting = outbox.waiting.filter((other) => other !== message);
      return kept({ ...outbox, waiting, failures: 0, nextAt: now + GAP_MS });
    }
    case "retry":
      if (outcome.afterMs === null) return failed(outbox, now);
      return kept(paused(outbox, now, Math.min(outcome.afterMs, DAY_MS)));
    case "misconfigured":
      return kept(paused(outbox, now, MISCONFIGURED_MS));
    case "rejected": {
      const next = { ...outbox, failures: 0, nextAt: now + GAP_MS };
      if (message === undefined) return kept(next);
      if (message.plain) return without(next, [message], "rejected", now);
      const plain = { ...message, plain: true };
      return kept({ ...next, waiting: outbox.waiting.map((other) => (other === message ? plain : other)) });
    }
  }
}

/** All that waits, for somebody who takes it at once. */
export function emptied(outbox: Outbox): { readonly outbox: Outbox; readonly notes: readonly (Note | Tally)[] } {
  const notes = [...outbox.waiting.map(({ note }) => note), ...(outbox.tally === null ? [] : [outbox.tally.told])];
  return { outbox: { ...EMPTY_OUTBOX, lastId: outbox.lastId }, notes };
}
