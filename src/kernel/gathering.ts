import { type Clock, systemClock } from "./clock.ts";

/** Whoever gathers and has not come back by then was cut off. */
const PATIENCE_MS = 2_000;

/**
 * What the invocations of an isolate have to hand on, gathered for a while and handed on at once by the one that began.
 * Made for work that somebody else does in time where it is never done: an isolate that ends takes what it holds with it.
 */
export class Gathering<T> {
  readonly #windowMs: number;
  readonly #clock: Clock;
  readonly #sleep: (ms: number) => Promise<void>;
  #items: T[] = [];
  /** Until when somebody is expected to hand on. */
  #awaitedUntil = 0;

  constructor(windowMs: number, clock = systemClock, sleep = (ms: number) => scheduler.wait(ms)) {
    this.#windowMs = windowMs;
    this.#clock = clock;
    this.#sleep = sleep;
  }

  /**
   * Takes an item. Resolves at once where another call will hand it on; else after all that came meanwhile was handed on.
   * @throws whatever `handOn` throws; what it was given is not kept.
   */
  async add(item: T, handOn: (items: readonly T[]) => Promise<void>): Promise<void> {
    this.#items.push(item);
    const now = this.#clock.now();
    if (now < this.#awaitedUntil) return;
    this.#awaitedUntil = now + this.#windowMs + PATIENCE_MS;
    await this.#sleep(this.#windowMs);
    const items = this.#items;
    this.#items = [];
    this.#awaitedUntil = 0;
    if (items.length > 0) await handOn(items);
  }
}
