import { expect, it } from "vitest";
import { preferredWaitSeconds } from "./prefer.ts";

it.each<[string | undefined, number]>([
  [undefined, 0],
  ["", 0],
  ["wait=0", 0],
  ["wait=24", 24],
  ["wait=25", 25],
  ["wait=26", 25],
  ["wait=999999", 25],
  ['wait="7"', 7],
  ["respond-async, wait=7", 7],
  ["respond-async;wait = 7", 7],
  ["WAIT=7", 7],
  ["wait=-1", 0],
  ["wait=soon", 0],
  ["await=7", 0],
  ["respond-async", 0],
])("%j is a wait of %d seconds: never more than 25", (header, seconds) => {
  expect(preferredWaitSeconds(header)).toBe(seconds);
});
