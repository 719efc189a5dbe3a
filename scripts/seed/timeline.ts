/** When things happen: more by day than by night, and more each week than in the one before. */
const DAY_MS = 24 * 60 * 60_000;
/** The busiest hour has about (1 + x) / (1 − x) times the conversions of the quietest. */
const DAILY_SWING = 0.7;
/** UTC: late evening in Iran. */
const BUSIEST_MS = 18 * 60 * 60_000;
/** Below 1 the service grows: at 0.8 the last week has about twice the first one's. */
const GROWTH = 0.8;

/** Moves a time towards the day's busy hours; never out of the order of others. */
function towardsEvening(epochMs: number): number {
  const angle = (2 * Math.PI * (epochMs - BUSIEST_MS)) / DAY_MS;
  return epochMs - ((DAILY_SWING * DAY_MS) / (2 * Math.PI)) * Math.sin(angle);
}

/** The time of a share (0 to 1) of everything that happens from `fromMs` to `toMs`; it grows with the share. */
export function timeOfShare(share: number, fromMs: number, toMs: number): number {
  const even = fromMs + (toMs - fromMs) * share ** GROWTH;
  return Math.min(toMs, Math.max(fromMs, Math.round(towardsEvening(even))));
}
