import { expect, it } from "vitest";
import { untilQuotaReset } from "./quota-reset.ts";

const HOUR_MS = 3_600_000;

it.each([
  ["a winter's afternoon", "2026-01-15T23:00:00Z", "2026-01-16T08:00:00Z"],
  ["a summer's afternoon", "2026-07-15T23:00:00Z", "2026-07-16T07:00:00Z"],
  ["the last millisecond of a day", "2026-07-16T06:59:59.999Z", "2026-07-16T07:00:00Z"],
  ["midnight itself", "2026-07-16T07:00:00Z", "2026-07-17T07:00:00Z"],
  ["the day on which clocks go forward", "2026-03-08T08:30:00Z", "2026-03-09T07:00:00Z"],
  ["the night before clocks go forward", "2026-03-08T07:30:00Z", "2026-03-08T08:00:00Z"],
  ["the day on which clocks go back", "2026-11-01T07:30:00Z", "2026-11-02T08:00:00Z"],
  ["New Year's Eve", "2027-01-01T05:00:00Z", "2027-01-01T08:00:00Z"],
  ["the end of February", "2028-02-29T12:00:00Z", "2028-03-01T08:00:00Z"],
])("a day's quota begins anew at the next Pacific midnight after %s", (_, now, reset) => {
  expect(new Date(Date.parse(now) + untilQuotaReset(Date.parse(now)))).toEqual(new Date(reset));
});

it("the reset is never further off than the longest day", () => {
  for (let hour = 0; hour < 366 * 24; hour++) {
    const left = untilQuotaReset(Date.UTC(2026, 0, 1, hour, 17));
    expect(left > 0 && left <= 25 * HOUR_MS).toBe(true);
  }
});
