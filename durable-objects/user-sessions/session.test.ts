import { expect, it } from "vitest";
import { isLive, isTouchDue, newSession, sessionsToEnd } from "./session.ts";

const NOW = 1_800_000_000_000;
const REQUEST = {
  role: "user",
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
  expect(isTouchDue(session, NOW + 59_999)).toBe(false);
  expect(isTouchDue(session, NOW + 60_000)).toBe(true);
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
