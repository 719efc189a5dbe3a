import type { AlertName } from "../../src/ports/alerts.ts";
import type { AlertNote } from "../../src/providers/telegram/alert-text.ts";
import { ruleOf, WINDOW_MS } from "./rules.ts";

/** What a message about a matter says. */
export type Note = AlertNote;

type Told = Pick<Note, "name" | "about" | "what" | "advice" | "worker">;

interface Arrival {
  readonly at: number;
  readonly count: number;
  readonly since: number;
}

/** Too few alerts for a message yet. */
interface Quiet {
  readonly kind: "quiet";
  readonly arrivals: readonly Arrival[];
}

/** A message was made; since then, repeats are counted. */
interface Open {
  readonly kind: "open";
  readonly endsAt: number;
  /** Not told yet. */
  readonly repeats: number;
  readonly total: number;
  /** When the earliest alert of all was raised. */
  readonly since: number;
  readonly latest: Told;
}

export type Matter = Quiet | Open;
/** By fingerprint: plain ASCII, whatever the alert says, as SQLite would not keep every text as it is. */
export type Matters = ReadonlyMap<string, Matter>;

/** An alert as it arrives at the desk. */
export interface Arriving extends Told {
  /** When it was raised. */
  readonly at: number;
  readonly count: number;
}

/** More at once become one matter a name: what they are about comes from inside, but nothing here may grow for ever. */
export const MAX_MATTERS = 1_000;
export const OTHERS = "others";

function fingerprintOf({ name, about }: Pick<Told, "name" | "about">): string {
  return JSON.stringify([name, about]).replace(
    /[^ -~]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** When time alone ends what is known of it. */
export function endOf(matter: Matter, name: AlertName): number {
  if (matter.kind === "open") return matter.endsAt;
  return (matter.arrivals.at(-1)?.at ?? 0) + ruleOf(name).withinMs;
}

export function nameOf(fingerprint: string): AlertName {
  return (JSON.parse(fingerprint) as [AlertName])[0];
}

/** What an alert does, at a moment that {@link ended} has been asked about. */
export function arrived(
  matters: Matters,
  alert: Arriving,
  now: number,
): { readonly matters: Matters; readonly note: Note | null } {
  const own = fingerprintOf(alert);
  const hasRoom = matters.has(own) || matters.size < MAX_MATTERS;
  const told: Told = {
    name: alert.name,
    about: hasRoom ? alert.about : OTHERS,
    what: alert.what,
    advice: alert.advice,
    worker: alert.worker,
  };
  const fingerprint = hasRoom ? own : fingerprintOf(told);
  const matter = matters.get(fingerprint) ?? { kind: "quiet", arrivals: [] };
  // A clock that runs ahead elsewhere has seen nothing before it happened.
  const since = Math.min(alert.at, now);
  const withMatter = (next: Matter) => new Map(matters).set(fingerprint, next);
  if (matter.kind === "open") {
    const [repeats, total] = [matter.repeats + alert.count, matter.total + alert.count];
    const next = { ...matter, repeats, total, since: Math.min(matter.since, since), latest: told };
    return { matters: withMatter(next), note: null };
  }
  const { atLeast, withinMs } = ruleOf(alert.name);
  const live = matter.arrivals.filter(({ at }) => at > now - withinMs);
  const arrivals = [...live, { at: now, count: alert.count, since }];
  const count = arrivals.reduce((sum, arrival) => sum + arrival.count, 0);
  if (count < atLeast) return { matters: withMatter({ kind: "quiet", arrivals }), note: null };
  const earliest = Math.min(...arrivals.map((arrival) => arrival.since));
  return {
    matters: withMatter({
      kind: "open",
      endsAt: now + WINDOW_MS,
      repeats: 0,
      total: count,
      since: earliest,
      latest: told,
    }),
    note: { kind: "first", ...told, since: earliest, count, total: count },
  };
}

interface Ended {
  readonly at: number;
  readonly note: Note;
}

/**
 * What time alone has ended: a window with repeats leaves a note, and is followed by another one at once; anything else is
 * forgotten. It depends on nothing but the moments, however late somebody looks.
 */
export function ended(matters: Matters, now: number): { readonly matters: Matters; readonly notes: readonly Ended[] } {
  const over = [...matters].filter(([fingerprint, matter]) => endOf(matter, nameOf(fingerprint)) <= now);
  if (over.length === 0) return { matters, notes: [] };
  const next = new Map(matters);
  const notes: Ended[] = [];
  for (const [fingerprint, matter] of over) {
    next.delete(fingerprint);
    if (matter.kind === "quiet" || matter.repeats === 0) continue;
    const { endsAt, repeats, total, since, latest } = matter;
    notes.push({ at: endsAt, note: { kind: "summary", ...latest, since, count: repeats, total } });
    const nextEnd = endsAt + WINDOW_MS;
    if (nextEnd > now) next.set(fingerprint, { ...matter, endsAt: nextEnd, repeats: 0 });
  }
  return { matters: next, notes: notes.sort((a, b) => a.at - b.at) };
}
