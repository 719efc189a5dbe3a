/** Load at a rate of its own, as users are one: nobody waits for an answer to somebody else. */
import { Worker } from "node:worker_threads";
import type { Ask } from "./load.ts";

/** A request, what it is counted as, and the status it is to get. */
export interface TimedAsk extends Ask {
  readonly kind: string;
  readonly expected: number;
}

export interface OpenLoad {
  readonly url: string;
  readonly perSecond: number;
  /** Before anything counts; the rate grows to the full one meanwhile. */
  readonly warmUpMs: number;
  readonly durationMs: number;
  /** In rotation. */
  readonly asks: readonly TimedAsk[];
}

export interface OpenOutcome {
  /** The warm-up's included. */
  readonly sent: number;
  /** From the end of the warm-up to the last answer. */
  readonly answeredMs: number;
  /** Milliseconds by kind, from when a request was due to the end of its answer: what waits to be sent waits, too. */
  readonly latencies: Readonly<Record<string, readonly number[]>>;
  /** Some of what went wrong, and how much did; no answer within seconds of the load's end is wrong, too. */
  readonly wrong: readonly string[];
  readonly wrongCount: number;
  /** What was created, the warm-up's included. */
  readonly ids: readonly string[];
}

/**
 * Sends requests at a constant rate from a thread of their own, and waits for the answers. Latencies count from when a
 * request was due, so that a service that stalls is charged for all that it kept waiting.
 */
export async function openLoop(load: OpenLoad): Promise<OpenOutcome> {
  const thread = new Worker(new URL("./open-loop-thread.ts", import.meta.url), { workerData: load });
  return new Promise((resolve, reject) => {
    thread.once("message", resolve);
    thread.once("error", reject);
    thread.once("exit", (code) => reject(new Error(`the load ended with ${code} and no figures`)));
  });
}
