import type { RateGrowth, RateWindow, WindowState } from "./contract.ts";

/** One take, by the object's clock. Lists of takes are in the order of `at`. */
export interface Take {
  readonly id: number;
  /** Epoch ms. */
  readonly at: number;
}

export interface Verdict {
  readonly allowed: boolean;
  /** 0 when allowed. */
  readonly retryAfterMs: number;
}

/** The index of the first take made after `epochMs`. */
function firstAfter(takes: readonly Take[], epochMs: number): number {
  let low = 0;
  let high = takes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((takes[middle] as Take).at > epochMs) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** When the window next lets a take through; `now` or earlier when it does already. */
function freeAt(takes: readonly Take[], window: RateWindow, now: number): number {
  const { limit, windowMs } = window;
  if (limit <= 0) return now + windowMs;
  const filling = takes[takes.length - limit];
  const newest = takes.at(-1);
  if (filling === undefined || newest === undefined) return now;
  if (window.kind !== "lock") return filling.at + windowMs;
  return newest.at - filling.at < windowMs ? newest.at + windowMs : now;
}

/** Whether one more take fits into every window at `now`. */
export function judge(takes: readonly Take[], windows: readonly RateWindow[], now: number): Verdict {
  const free = Math.max(now, ...windows.map((window) => freeAt(takes, window, now)));
  return { allowed: free <= now, retryAfterMs: free - now };
}

/** What is left of a window at `now`. */
export function stateOf(takes: readonly Take[], window: RateWindow, now: number): WindowState {
  const { limit, windowMs } = window;
  const first = firstAfter(takes, now - windowMs);
  const used = takes.length - first;
  const free = freeAt(takes, window, now);
  if (free > now) return { limit, remaining: 0, resetMs: free - now };
  const oldest = takes[first];
  return {
    limit,
    remaining: Math.max(0, limit - used),
    resetMs: oldest === undefined ? 0 : oldest.at + windowMs - now,
  };
}

/** For how long after it was made a take can still matter to one of the windows. A lock looks back from its last take. */
export function lifeMs(windows: readonly RateWindow[]): number {
  return Math.max(0, ...windows.map(({ kind, windowMs }) => (kind === "lock" ? 2 * windowMs : windowMs)));
}

/** The windows with the first one's limit grown to its share of the best bucket. */
export function grownWindows(
  windows: readonly RateWindow[],
  growth: RateGrowth | undefined,
  bestBucket: number,
): readonly RateWindow[] {
  const [first, ...rest] = windows;
  if (growth === undefined || first === undefined) return windows;
  return [{ ...first, limit: Math.max(first.limit, Math.floor(growth.share * bestBucket)) }, ...rest];
}
