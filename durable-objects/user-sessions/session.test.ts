import { expect, it } from "vitest";
import { decideRefresh, isLive, laterStanding, newSession, restricted, sessionsToEnd, touched } from "./session.ts";

const NOW = 1_800_000_000_000;
const REQUEST = {
  proof: null,
  standing: { role: "user", status: "active", epoch: 0 },
  userAgent: null,
  ipPrefix: null,
  idleMs: 1000,
  absoluteMs: 5000,
  maxSessions: 3,
} as const;
const opened = (id: string, at: number) => newSession(id, "salt", REQUEST, at);

it("a session lives up to its idle end and not a millisecond longer", () => {
  const session = opened("a", NOW);
  expect(isLive(session, NOW + 999)).toBe(true);
  expect(isLive(session, NOW + 1000)).toBe(false);
});

it("a session never outlives its absolute end, however long its idle time", () => {
  const session = newSession("a", "salt", { ...REQUEST, idleMs: 9000 }, NOW);
  expect(isLive(session, NOW + 4999)).toBe(true);
  expect(isLive(session, NOW + 5000)).toBe(false);
  expect(session.idleExpiresAt).toBe(NOW + 5000);
});

it("use is written down at most once a minute", () => {
  const session = opened("a", NOW);
  const used = touched(session, 0, NOW);
  expect(touched(used, 0, NOW + 59_999)).toBe(used);
  expect(touched(used, 0, NOW + 60_000).lastSeenAt).toBe(NOW + 60_000);
});

it("one session above the cap ends the oldest, whatever the order they are listed in", () => {
  const sessions = [opened("c", NOW + 3), opened("a", NOW + 1), opened("b", NOW + 2)];
  expect(sessionsToEnd(sessions, 3, NOW + 4)).toEqual(["a"]);
  expect(sessionsToEnd(sessions, 4, NOW + 4)).toEqual([]);
  expect(sessionsToEnd(sessions, 1, NOW + 4)).toEqual(["a", "b", "c"]);
});

it("sessions that are over don't count towards the cap", () => {
  const sessions = [opened("old", NOW - 2000), opened("b", NOW), opened("c", NOW)];
  expect(sessionsToEnd(sessions, 3, NOW + 1)).toEqual(["old"]);
});

it("the first request under the latest tokens proves that they arrived, and no earlier tokens do", () => {
  const session = { ...opened("a", NOW), counter: 2 };
  expect(touched(session, 1, NOW)).toBe(session);
  expect(touched(session, 2, NOW)).toMatchObject({ used: 1, lastSeenAt: NOW });
});

const GRACE = { idleMs: 1000, graceMs: 10_000, unusedGraceMs: 60_000 };
const rotated = {
  ...opened("a", NOW),
  counter: 5,
  rotatedAt: NOW,
  idleExpiresAt: NOW + 1e9,
  absoluteExpiresAt: NOW + 1e9,
};

it.each([
  ["the present token", 5, 1, 1e6, "advance"],
  ["the previous one at 10 s, its successor used", 4, 1, 10_000, "repeat"],
  ["the previous one after 10 s, its successor used", 4, 1, 10_001, "reuse"],
  ["the previous one at 60 s, its successor unused", 4, 0, 60_000, "repeat"],
  ["the previous one after 60 s, its successor unused", 4, 0, 60_001, "reuse"],
  ["the grandparent at once", 3, 0, 0, "reuse"],
  ["one that was never issued", 6, 0, 0, "reuse"],
] as const)("%s: %s", (_, counter, used, afterMs, kind) => {
  const session = { ...rotated, used };
  expect(decideRefresh(session, { counter, ...GRACE }, NOW + afterMs).kind).toBe(kind);
});

it("refreshing renews the idle time and never the absolute end", () => {
  const session = opened("a", NOW);
  for (const [at, idleExpiresAt] of [
    [NOW + 900, NOW + 1900],
    [NOW + 4900, NOW + 5000],
  ] as const) {
    const decision = decideRefresh(session, { counter: 0, ...GRACE }, at);
    expect(decision).toMatchObject({ kind: "advance", session: { counter: 1, idleExpiresAt, used: 0, rotatedAt: at } });
  }
});

it("of two standings the later epoch holds, in whatever order they arrive", () => {
  const early = { role: "admin", status: "active", epoch: 1 } as const;
  const late = { role: "user", status: "disabled", epoch: 2 } as const;
  expect(laterStanding(early, late)).toBe(late);
  expect(laterStanding(late, early)).toBe(late);
  expect(laterStanding(null, early)).toBe(early);
});

it("a restricted session keeps its id, loses its salt, and never ends later than it would have", () => {
  const session = opened("a", NOW);
  expect(restricted(session, "other", 600, NOW)).toEqual({ ...session, salt: "other", idleExpiresAt: NOW + 600 });
  expect(restricted(session, "other", 600, NOW + 900)).toMatchObject({ idleExpiresAt: NOW + 1000 });
});
