import { expect, it } from "vitest";
import { type Crash, checkTable, countCalls, crashTable, spread } from "./report.ts";

const NO_CALLS = { "sign-up": 0, upload: 0, create: 0 };
const CRASH: Crash = {
  killedAt: 12_000,
  readyAt: 20_000,
  lifeMs: 3_000,
  inFlight: { ...NO_CALLS, create: 2 },
  state: { queued: 3, processing: 1, ended: 7 },
  readyAfterMs: 6_500,
  resumedAfterMs: 1_250,
};

it("lines the columns of the crash table up", () => {
  const idle = { ...CRASH, inFlight: NO_CALLS, state: { queued: 0, processing: 0, ended: 11 }, resumedAfterMs: null };
  const cut = { ...CRASH, resumedAfterMs: null };
  expect(`\n${crashTable([CRASH, cut, idle, cut], 2_000)}\n`).toBe(`
crash      at  alive for  queued  processing  ended  ready after   work resumed  cut off
─────  ──────  ─────────  ──────  ──────────  ─────  ───────────  ─────────────  ─────────
    1  10.0 s      3.0 s       3           1      7        6.5 s          1.3 s  2 creates
    2  10.0 s      3.0 s       3           1      7        6.5 s  killed before  2 creates
    3  10.0 s      3.0 s       0           0     11        6.5 s   no work left  -
    4  10.0 s      3.0 s       3           1      7        6.5 s       not seen  2 creates
`);
});

it("counts calls in words", () => {
  expect(countCalls({ "sign-up": 1, upload: 0, create: 2 })).toBe("2 creates, 1 sign-up");
  expect(countCalls(NO_CALLS)).toBe("-");
});

it("gives the median and the largest of some times", () => {
  expect(spread([])).toBe("-");
  expect(spread([3_000, 1_000, 9_000])).toBe("median 3.0 s, at most 9.0 s");
});

it("lists what is wrong under the check that found it, and no more than 20 of a kind", () => {
  const good = { name: "usage", seen: "4 used", problems: [] };
  const bad = { name: "ledger", seen: "5 entries", problems: Array.from({ length: 22 }, (_, index) => `row ${index}`) };
  const lines = checkTable([good, bad]).split("\n");
  expect(lines.slice(0, 3)).toEqual(["  holds  usage (4 used)", "  BROKEN ledger (5 entries)", "         row 0"]);
  expect(lines.at(-1)).toBe("         and 2 more");
});
