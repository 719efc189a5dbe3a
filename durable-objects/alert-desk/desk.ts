import type { TelegramOutcome } from "../../src/providers/telegram/telegram.ts";
import { type Arriving, arrived, ended, endOf, type Matters, type Note, nameOf } from "./matters.ts";
import {
  begun,
  type Dropped,
  EMPTY_OUTBOX,
  emptied,
  nextSendAt,
  type Outbox,
  postponed,
  queued,
  settled,
  type Tally,
  type Waiting,
} from "./outbox.ts";

/** The desk as stored, but for the ids of messages it has seen. Plain data; times are epoch ms by the object's clock. */
export interface Desk {
  readonly matters: Matters;
  readonly outbox: Outbox;
}

/** What follows from a step, beside the desk it leads to. */
export interface Step {
  readonly desk: Desk;
  /** For the log. */
  readonly dropped: readonly Dropped[];
}

export const EMPTY_DESK: Desk = { matters: new Map(), outbox: EMPTY_OUTBOX };

function withNotes(desk: Desk, notes: readonly { readonly at: number; readonly note: Note }[]): Step {
  let { outbox } = desk;
  const dropped: Dropped[] = [];
  for (const { at, note } of notes) {
    const next = queued(outbox, note, at);
    outbox = next.outbox;
    dropped.push(...next.dropped);
  }
  return { desk: { ...desk, outbox }, dropped };
}

/** The desk as time alone has made it. Asked later, or twice, it comes to the same. */
export function advanced(desk: Desk, now: number): Step {
  const { matters, notes } = ended(desk.matters, now);
  return matters === desk.matters ? { desk, dropped: [] } : withNotes({ ...desk, matters }, notes);
}

/** An alert arrives: it is told at once, only counted, or not worth a message yet. */
export function taken(stored: Desk, alert: Arriving, now: number): Step {
  const before = advanced(stored, now);
  const { matters, note } = arrived(before.desk.matters, alert, now);
  const after = withNotes({ ...before.desk, matters }, note === null ? [] : [{ at: now, note }]);
  return { desk: after.desk, dropped: [...before.dropped, ...after.dropped] };
}

/** The message to send now, or null. It counts as on its way until {@link told} says what became of it. */
export function beginSending(desk: Desk, now: number): { readonly desk: Desk; readonly message: Waiting | null } {
  const { outbox, message } = begun(desk.outbox, now);
  return { desk: outbox === desk.outbox ? desk : { ...desk, outbox }, message };
}

/** What became of a message. */
export function told(desk: Desk, id: number, outcome: TelegramOutcome, now: number): Step {
  const { outbox, dropped } = settled(desk.outbox, id, outcome, now);
  return { desk: { ...desk, outbox }, dropped };
}

/** Nobody can say how to send: everything waits. */
export function putOff(desk: Desk, now: number): Desk {
  return nextSendAt(desk.outbox) === null ? desk : { ...desk, outbox: postponed(desk.outbox, now) };
}

/** All that waits, for a log that takes it at once. */
export function handedOver(desk: Desk): { readonly desk: Desk; readonly notes: readonly (Note | Tally)[] } {
  const { outbox, notes } = emptied(desk.outbox);
  return notes.length === 0 ? { desk, notes } : { desk: { ...desk, outbox }, notes };
}

/** When there will be something to do; null while there is nothing. */
export function nextAlarmAt({ matters, outbox }: Desk): number | null {
  let next = nextSendAt(outbox) ?? Number.POSITIVE_INFINITY;
  for (const [fingerprint, matter] of matters) next = Math.min(next, endOf(matter, nameOf(fingerprint)));
  return next === Number.POSITIVE_INFINITY ? null : next;
}
