/** What a crash drill does, decided by its seed alone: when it kills, and which conversions it creates when. */
import { STYLE_PRESET_IDS } from "../../src/modules/conversions/style-presets.ts";

/** A kill comes this long after the service became ready. */
const EARLIEST_KILL_MS = 200;
const LATEST_KILL_MS = 6_000;
export const USERS = 4;
/** Requests come in clumps of up to so many, so that there is a queue to be killed with. */
const LARGEST_CLUMP = 5;
const WAIT_SECONDS = 5;
/** Half of the clumps come so shortly before a kill that it meets their uploads, creates and jobs. */
const SHORTLY_MS = 1_500;

export interface DrillOptions {
  readonly seed: number;
  readonly conversions: number;
  readonly crashes: number;
}

export interface Job {
  readonly index: number;
  /** The Idempotency-Key: the same for every repeat. */
  readonly key: string;
  readonly user: number;
  /** When it is asked for, on a clock that stands still while the service is down. */
  readonly atUptimeMs: number;
  readonly kind: "style" | "tryon";
  /** A preset, or `picture` for the style of an uploaded one. */
  readonly look: string;
  /** `ids` of pictures uploaded before, a photo uploaded just `fresh`, or all pictures in the request itself. */
  readonly via: "ids" | "fresh" | "multipart";
  /** For `Prefer: wait`: an answer that is held back is easily lost in a crash. */
  readonly waitSeconds: number;
}

export interface DrillPlan {
  /** For each life of the service that ends with a kill, how long it lasts. */
  readonly momentsMs: readonly number[];
  readonly jobs: readonly Job[];
}

/** Mulberry32: numbers from 0 to 1 that a seed repeats. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function planDrill({ seed, conversions, crashes }: DrillOptions): DrillPlan {
  const random = randomNumbers(seed);
  const upTo = (limit: number) => Math.floor(random() * limit);
  const momentsMs = Array.from({ length: crashes }, () =>
    Math.round(EARLIEST_KILL_MS + random() * (LATEST_KILL_MS - EARLIEST_KILL_MS)),
  );
  const kills = momentsMs.map((_, index) => momentsMs.slice(0, index + 1).reduce((sum, ms) => sum + ms, 0));
  const times: number[] = [];
  while (times.length < conversions) {
    const clump = Math.min(1 + upTo(LARGEST_CLUMP), conversions - times.length);
    const anyTime = upTo(kills.at(-1) ?? 0);
    const beforeKill = (kills[upTo(kills.length)] ?? 0) - upTo(SHORTLY_MS);
    times.push(...Array<number>(clump).fill(random() < 0.5 ? anyTime : Math.max(0, beforeKill)));
  }
  times.sort((a, b) => a - b);
  const jobs = times.map((atUptimeMs, index): Job => {
    // One user more with every quarter of the work, so that sign-ups are killed too.
    const joined = Math.floor((index * USERS) / conversions) + 1;
    const roll = random();
    return {
      index,
      key: `drill-${seed}-${index}`,
      user: upTo(joined),
      atUptimeMs,
      kind: random() < 0.5 ? "style" : "tryon",
      look: [...STYLE_PRESET_IDS, "picture"][upTo(STYLE_PRESET_IDS.length + 1)] ?? "picture",
      via: roll < 0.5 ? "ids" : roll < 0.7 ? "fresh" : "multipart",
      waitSeconds: random() < 0.25 ? WAIT_SECONDS : 0,
    };
  });
  return { momentsMs, jobs };
}
