import { type Clock, sleep, systemClock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/logger.ts";
import type { Metrics } from "../../ports/metrics.ts";
import type { TelemetryExport } from "../../ports/telemetry-export.ts";
import type { HttpAnswer } from "../http-answer.ts";
import { type PushOutcome, type PushRequest, push } from "./push.ts";
import { type Batch, type BufferLimits, type EncodedItem, ShipperBuffer } from "./shipper-buffer.ts";

/** What is particular to the system that the items go to. */
export interface Destination<T> {
  /** The label of its metrics. */
  readonly exporter: string;
  /** Never throws, whatever the item. `count` grows by each item of the isolate. */
  encode(item: T, count: number, now: number): EncodedItem;
  /** A push of items, sorted by their order, by group. */
  request(groups: ReadonlyMap<string, readonly string[]>): PushRequest;
  /** How many items an answer says were not taken, although it is a success. */
  refusedIn(body: HttpAnswer["body"]): number;
}

export interface ShipperLimits extends BufferLimits {
  readonly flushAfterMs: number;
  readonly timeoutMs: number;
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** How often an invocation looks whether there is something to do. */
  readonly pollMs: number;
  /** For how long an invocation begins pushes: with the last one's timeout it stays below the 30 s it may go on for. */
  readonly watchMs: number;
  /** A batch that has been tried for so long is given up: it may be the batch itself that fails. */
  readonly giveUpMs: number;
}

export const SHIPPER_LIMITS: ShipperLimits = {
  maxItems: 5_000,
  maxBytes: 4 * 1024 * 1024,
  batchItems: 1_000,
  batchBytes: 500 * 1024,
  flushAfterMs: 2_000,
  timeoutMs: 10_000,
  firstPauseMs: 500,
  longestPauseMs: 30_000,
  pollMs: 50,
  watchMs: 15_000,
  giveUpMs: 10 * 60_000,
};

/** So many invocations look after the items at a time, should one be cut off. */
const WATCHERS = 2;
/** Who holds the push, or watches, and was not seen for this long beyond its time was cut off. */
const GRACE_MS = 2_000;
const LONGEST_RETRY_AFTER_MS = 5 * 60_000;

interface Watcher {
  readonly leavesAt: number;
  /** Until then it is believed to be there. */
  seenUntil: number;
}

/** What one invocation of the isolate brings along. */
export interface ShipperContext {
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/**
 * What an isolate hands on to one destination: collected for a while, pushed one batch at a time, in order, the same one
 * again until it has arrived or is refused. Each item is counted once, unless the isolate ends with items in hand.
 *
 * The isolate's invocations share plain data; timers and pushes are made in each one's own time, and whoever pushes
 * holds a lease, so that one that is cut off holds no other up.
 */
export class Shipper<T> {
  readonly #destination: Destination<T>;
  readonly #limits: ShipperLimits;
  readonly #buffer: ShipperBuffer;
  readonly #watchers = new Set<Watcher>();
  #lease: { readonly until: number } | null = null;
  #count = 0;
  #failures = 0;
  #notBefore = 0;

  constructor(destination: Destination<T>, limits: ShipperLimits = SHIPPER_LIMITS) {
    this.#destination = destination;
    this.#limits = limits;
    this.#buffer = new ShipperBuffer(limits);
  }

  /** The shipper as one invocation uses it. */
  within(context: ShipperContext): TelemetryExport<T> {
    return { add: (items) => this.#add(items, context), ship: () => this.#ship(context) };
  }

  #tell({ metrics }: ShipperContext, outcome: "sent" | "dropped", by: number): void {
    if (by > 0) metrics.count("telemetry_items_total", { exporter: this.#destination.exporter, outcome }, by);
  }

  #add(items: readonly T[], context: ShipperContext): void {
    const now = (context.clock ?? systemClock).now();
    let dropped = 0;
    for (const item of items) {
      const encoded = this.#destination.encode(item, this.#count++, now);
      dropped += this.#buffer.add(encoded, now, !this.#isIdle(now));
    }
    this.#tell(context, "dropped", dropped);
  }

  /** Whether nobody is pushing, as far as can be told. */
  #isIdle(now: number): boolean {
    return this.#lease === null || this.#lease.until <= now;
  }

  /** When the next push may begin. */
  #dueAt(): number {
    const { batch, isFull, oldestAt } = this.#buffer;
    if (batch !== null || isFull) return this.#notBefore;
    return Math.max(this.#notBefore, oldestAt + this.#limits.flushAfterMs);
  }

  /** Those that stay for a while yet. */
  #othersWatch(now: number): boolean {
    let staying = 0;
    for (const watcher of this.#watchers) {
      if (watcher.seenUntil < now) this.#watchers.delete(watcher);
      else if (watcher.leavesAt - now >= this.#limits.watchMs / 2) staying++;
    }
    return staying >= WATCHERS;
  }

  async #ship(context: ShipperContext): Promise<void> {
    const { clock = systemClock } = context;
    const { watchMs, pollMs } = this.#limits;
    let now = clock.now();
    if (this.#othersWatch(now)) return;
    const me: Watcher = { leavesAt: now + watchMs, seenUntil: now };
    this.#watchers.add(me);
    try {
      for (; !this.#buffer.isEmpty && now < me.leavesAt; now = clock.now()) {
        me.seenUntil = now + pollMs + GRACE_MS;
        const dueAt = this.#dueAt();
        if (this.#isIdle(now) && dueAt <= now) await this.#pushOnce(me, context, clock);
        else if (dueAt >= me.leavesAt) return;
        else await sleep(pollMs);
      }
    } finally {
      this.#watchers.delete(me);
    }
  }

  async #pushOnce(me: Watcher, context: ShipperContext, clock: Clock): Promise<void> {
    const now = clock.now();
    const batch = this.#buffer.nextBatch(now);
    if (batch === null) return;
    const lease = { until: now + this.#limits.timeoutMs + GRACE_MS };
    this.#lease = lease;
    me.seenUntil = lease.until;
    const outcome = await push(this.#destination.request(grouped(batch)), this.#limits.timeoutMs);
    // Given away meanwhile: whoever has it now pushes the same batch, and counts it.
    if (this.#lease !== lease) return;
    this.#lease = null;
    if (this.#buffer.batch === batch) this.#settle(batch, outcome, context, clock.now());
  }

  #settle(batch: Batch, outcome: PushOutcome, context: ShipperContext, now: number): void {
    if (outcome.kind === "again" && now - batch.since < this.#limits.giveUpMs) {
      if (this.#failures === 0) this.#log(context, "pushes fail", { cause: outcome.why });
      this.#notBefore = now + this.#pauseMs(outcome.retryAfterMs);
      this.#failures++;
      return;
    }
    const items = this.#buffer.closeBatch();
    this.#failures = 0;
    this.#notBefore = 0;
    if (outcome.kind === "taken") {
      const refused = Math.min(items, Math.max(0, this.#destination.refusedIn(outcome.body)));
      this.#tell(context, "sent", items - refused);
      this.#tell(context, "dropped", refused);
      if (refused > 0) this.#log(context, "items refused", { items: refused });
    } else {
      this.#tell(context, "dropped", items);
      this.#log(context, "batch dropped", { items, cause: outcome.why });
    }
  }

  /** Doubles from one failure to the next, and differs a little between isolates. */
  #pauseMs(retryAfterMs: number): number {
    const { firstPauseMs, longestPauseMs } = this.#limits;
    const backoffMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(this.#failures, 20));
    return Math.max(Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS), backoffMs * (0.75 + Math.random() / 4));
  }

  #log({ logger }: ShipperContext, what: string, fields: { readonly items?: number; readonly cause?: string }): void {
    logger.log("warn", `telemetry: ${what}`, { exporter: this.#destination.exporter, ...fields });
  }
}

function grouped({ entries }: Batch): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const { group, json } of entries.toSorted((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0))) {
    const items = groups.get(group);
    if (items === undefined) groups.set(group, [json]);
    else items.push(json);
  }
  return groups;
}
