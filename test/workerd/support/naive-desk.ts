import fc from "fast-check";
import type { Arriving } from "../../../durable-objects/alert-desk/matters.ts";
import { ALERT_NAMES, type AlertName } from "../../../src/ports/alerts.ts";

export const DESK_START = 1_800_000_000_000;
const WINDOW_MS = 600_000;
const AT_LEAST: Partial<Record<AlertName, number>> = { hash_failures: 5, refresh_reuse: 5, invocation_cut_off: 3 };

/** An alert and when it arrives. */
export interface Arrival {
  readonly now: number;
  readonly alert: Arriving;
}

export interface NaiveNote {
  readonly at: number;
  readonly kind: "first" | "summary";
  readonly name: AlertName;
  readonly about: string;
  readonly count: number;
  readonly total: number;
  readonly since: number;
  readonly what: string;
}

const counted = (arrivals: readonly Arrival[]) => arrivals.reduce((sum, { alert }) => sum + alert.count, 0);

/** What is told of one matter up to `until`, by its definition and from its whole history. */
function notesOf(arrivals: readonly Arrival[], until: number): NaiveNote[] {
  const notes: NaiveNote[] = [];
  let from = 0;
  for (let i = 0; i < arrivals.length; i++) {
    const { now, alert } = arrivals[i] as Arrival;
    const { name, about } = alert;
    const recent = arrivals.slice(from, i + 1).filter((other) => other.now > now - WINDOW_MS);
    if (counted(recent) < (AT_LEAST[name] ?? 1)) continue;
    const since = (all: readonly Arrival[]) => Math.min(...all.map((other) => Math.min(other.alert.at, other.now)));
    const all = [...recent];
    const common = { name, about };
    notes.push({
      ...common,
      at: now,
      kind: "first",
      count: counted(all),
      total: counted(all),
      since: since(all),
      what: alert.what,
    });
    for (let start = now; ; start += WINDOW_MS) {
      const end = start + WINDOW_MS;
      const inside = arrivals.slice(i + 1).filter((other) => other.now < end);
      i += inside.length;
      from = i + 1;
      if (end > until || inside.length === 0) break;
      all.push(...inside);
      const what = (inside.at(-1) as Arrival).alert.what;
      notes.push({
        ...common,
        at: end,
        kind: "summary",
        count: counted(inside),
        total: counted(all),
        since: since(all),
        what,
      });
    }
  }
  return notes;
}

/** All that is told up to `until`, in order. */
export function naiveNotes(arrivals: readonly Arrival[], until: number): NaiveNote[] {
  const matters = Map.groupBy(arrivals, ({ alert }) => `${alert.name} ${alert.about}`);
  return [...matters.values()].flatMap((those) => notesOf(those, until)).sort((a, b) => a.at - b.at);
}

const arbitraryPause = fc.oneof(
  fc.constantFrom(0, 1, 1_000, 150_000, 299_999, 300_000, 599_999, 600_000, 600_001, 3_600_000),
  fc.integer({ min: 0, max: 400_000 }),
);

const arbitrarySteps = (names: readonly AlertName[]) =>
  fc.array(
    fc.record({
      pauseMs: arbitraryPause,
      name: fc.constantFrom(...names),
      about: fc.constantFrom("a", "a", "b"),
      lateMs: fc.constantFrom(0, 0, 5_000, -60_000, 7_200_000),
      count: fc.oneof(
        { weight: 4, arbitrary: fc.constant(1) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 9 }) },
      ),
    }),
    { minLength: 1, maxLength: 60 },
  );

/** Some alerts, one after the other, of few matters, so that these come often. */
export const arbitraryArrivals = fc
  .oneof(
    fc.constant(ALERT_NAMES),
    fc.constantFrom<AlertName[][]>(["hash_failures"], ["invocation_cut_off"], ["dead_letter"]),
  )
  .chain(arbitrarySteps)
  .map((steps) => {
    let now = DESK_START;
    return steps.map(({ pauseMs, name, about, lateMs, count }, i): Arrival => {
      now += pauseMs;
      const texts = { what: `what ${i}`, advice: `advice ${i}`, worker: "api" };
      return { now, alert: { name, about, ...texts, at: now - lateMs, count } };
    });
  });
