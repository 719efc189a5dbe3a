import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Arrival, arbitraryArrivals, DESK_START, naiveNotes } from "../../test/workerd/support/naive-desk.ts";
import { advanced, EMPTY_DESK, handedOver, nextAlarmAt, taken } from "./desk.ts";
import type { Note } from "./matters.ts";

/** Feeds arrivals to a desk and takes what it makes of them at once; `alarms` says whether it is woken in between. */
function notesOf(arrivals: readonly Arrival[], until: number, alarms: boolean): Note[] {
  let desk = EMPTY_DESK;
  const notes: Note[] = [];
  const take = (next: typeof desk) => {
    const handed = handedOver(next);
    desk = handed.desk;
    notes.push(...(handed.notes as Note[]));
  };
  const wakeUntil = (end: number) => {
    for (let at = nextAlarmAt(desk); alarms && at !== null && at <= end; at = nextAlarmAt(desk)) {
      take(advanced(desk, at).desk);
    }
  };
  for (const { now, alert } of arrivals) {
    wakeUntil(now);
    take(taken(desk, alert, now).desk);
  }
  wakeUntil(until);
  take(advanced(desk, until).desk);
  return notes;
}

/** Notes that were made at one moment have no order. */
const sorted = (notes: readonly object[]) => notes.map((note) => JSON.stringify(note, KEYS)).sort();
const KEYS = ["kind", "name", "about", "count", "total", "since", "what"];

describe("what is told, against its definition over the whole history", () => {
  const endOf = (arrivals: readonly Arrival[], afterMs: number) => (arrivals.at(-1)?.now ?? DESK_START) + afterMs;

  it("is the first at its threshold, then one summary a window, and nothing of quiet ones", () => {
    fc.assert(
      fc.property(arbitraryArrivals, fc.constantFrom(0, 599_999, 600_000, 7_200_000), (arrivals, afterMs) => {
        const until = endOf(arrivals, afterMs);
        expect(sorted(notesOf(arrivals, until, true))).toEqual(sorted(naiveNotes(arrivals, until)));
      }),
      { numRuns: 3_000 },
    );
  });

  it("does not depend on whether an alarm rings in time, or at all", () => {
    fc.assert(
      fc.property(arbitraryArrivals, (arrivals) => {
        const until = endOf(arrivals, 1_200_000);
        expect(sorted(notesOf(arrivals, until, false))).toEqual(sorted(notesOf(arrivals, until, true)));
      }),
      { numRuns: 1_000 },
    );
  });

  it("stands for every alert once, but for those that stayed below their threshold", () => {
    fc.assert(
      fc.property(arbitraryArrivals, (arrivals) => {
        const told = notesOf(arrivals, endOf(arrivals, 1_200_000), true);
        const sum = (name: string) =>
          told.filter((note) => note.name === name).reduce((total, { count }) => total + count, 0);
        for (const name of ["circuit_opened", "dead_letter", "budget_spent", "otp_pumping"]) {
          const raised = arrivals.filter(({ alert }) => alert.name === name);
          expect(sum(name)).toBe(raised.reduce((total, { alert }) => total + alert.count, 0));
        }
      }),
      { numRuns: 500 },
    );
  });

  it("leaves nothing behind once all is over", () => {
    fc.assert(
      fc.property(arbitraryArrivals, (arrivals) => {
        let desk = EMPTY_DESK;
        for (const { now, alert } of arrivals) desk = handedOver(taken(desk, alert, now).desk).desk;
        for (let at = nextAlarmAt(desk), rung = 0; at !== null; at = nextAlarmAt(desk)) {
          desk = handedOver(advanced(desk, at).desk).desk;
          expect(++rung).toBeLessThan(100);
        }
        expect(desk.matters.size).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
