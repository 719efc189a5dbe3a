import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createSharedRound, type SharedRound } from "./shared-round.ts";

let round: SharedRound<number>;
let made: number;

beforeEach(() => {
  vi.useFakeTimers();
  made = 0;
  round = createSharedRound({ clock: { now: () => Date.now() }, cacheMs: 10_000, staleMs: 3_000 });
});

afterEach(() => {
  vi.useRealTimers();
});

const after = (ms: number) => () => new Promise<number>((resolve) => setTimeout(() => resolve(++made), ms));

it("all who ask during a round get what it finds", async () => {
  const answers = Promise.all(Array.from({ length: 50 }, () => round(after(1_000))));
  await vi.advanceTimersByTimeAsync(1_100);
  expect(new Set(await answers)).toEqual(new Set([1]));
  expect(made).toBe(1);
});

it("what a round found holds for ten seconds from when it was begun, to the millisecond", async () => {
  const first = round(after(1_000));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await first).toBe(1);
  await vi.advanceTimersByTimeAsync(8_999);
  expect(await round(after(0))).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  const second = round(after(0));
  await vi.advanceTimersByTimeAsync(0);
  expect(await second).toBe(2);
});

it("a round that never ends holds nobody up for longer than three seconds, and one other begins", async () => {
  void round(() => new Promise(() => {}));
  const waiting = Promise.all(Array.from({ length: 10 }, () => round(after(100))));
  await vi.advanceTimersByTimeAsync(2_990);
  expect(made).toBe(0);
  await vi.advanceTimersByTimeAsync(200);
  expect(new Set(await waiting)).toEqual(new Set([1]));
});

it("a round that fails is remembered for nobody", async () => {
  const failing = round(() => Promise.reject(new Error("no")));
  const waiting = round(after(10));
  await expect(failing).rejects.toThrow("no");
  await vi.advanceTimersByTimeAsync(100);
  expect(await waiting).toBe(1);
});
