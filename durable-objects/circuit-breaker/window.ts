/** The sliding window: the present second and those before it. */
export const WINDOW_SECONDS = 60;
/** Fewer failures open nothing, whatever their share. */
const MIN_FAILURES = 5;
const MIN_FAILURE_SHARE = 0.5;

/** The calls that ended within one second: what is kept is bounded by the window's length, not by its traffic. */
export interface Bucket {
  /** Since the epoch. */
  readonly second: number;
  readonly successes: number;
  readonly failures: number;
}

const secondOf = (now: number) => Math.floor(now / 1_000);

/** What still counts; the same array when that is all. One of a clock that was set back since still counts. */
export function live(window: readonly Bucket[], now: number): readonly Bucket[] {
  const isLive = ({ second }: Bucket) => second > secondOf(now) - WINDOW_SECONDS;
  return window.every(isLive) ? window : window.filter(isLive);
}

export function withSample(window: readonly Bucket[], kind: "success" | "failure", now: number): readonly Bucket[] {
  const second = secondOf(now);
  const known = window.find((bucket) => bucket.second === second) ?? { second, successes: 0, failures: 0 };
  const field = kind === "success" ? "successes" : "failures";
  return [...window.filter((bucket) => bucket.second !== second), { ...known, [field]: known[field] + 1 }];
}

export function counted(window: readonly Bucket[]): { readonly calls: number; readonly failures: number } {
  let [calls, failures] = [0, 0];
  for (const bucket of window) {
    calls += bucket.successes + bucket.failures;
    failures += bucket.failures;
  }
  return { calls, failures };
}

export function hasFailures(window: readonly Bucket[]): boolean {
  return window.some((bucket) => bucket.failures > 0);
}

export function tooManyFailures(window: readonly Bucket[]): boolean {
  const { calls, failures } = counted(window);
  return failures >= MIN_FAILURES && failures >= calls * MIN_FAILURE_SHARE;
}
