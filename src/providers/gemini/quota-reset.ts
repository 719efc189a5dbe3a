const HOUR_MS = 60 * 60_000;

const pacific = new Intl.DateTimeFormat("en-CA", {
  timeZone: "America/Los_Angeles",
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  hourCycle: "h23",
});

function pacificParts(at: number): Record<string, number> {
  return Object.fromEntries(pacific.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
}

/**
 * How long until Google's daily quotas begin anew, in milliseconds: at midnight Pacific time
 * (https://ai.google.dev/gemini-api/docs/rate-limits).
 */
export function untilQuotaReset(now: number): number {
  const { year = 0, month = 1, day = 1 } = pacificParts(now);
  // Midnight there is 7 or 8 hours later than in UTC; clocks change at two, so it exists exactly once each day.
  const daylightSaving = Date.UTC(year, month - 1, day + 1, 7);
  const isMidnight = pacificParts(daylightSaving).hour === 0;
  return (isMidnight ? daylightSaving : daylightSaving + HOUR_MS) - now;
}
