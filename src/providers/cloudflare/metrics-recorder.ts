import type {
  AbandonedBatch,
  CounterDelta,
  MetricsBatch,
  MetricsShardApi,
} from "../../../durable-objects/metrics-shard/contract.ts";
import type { Background } from "../../kernel/background.ts";
import { type Clock, systemClock } from "../../kernel/clock.ts";
import { seriesKey } from "../../kernel/metric-series.ts";
import type { Metrics } from "../../ports/metrics.ts";
import { askObject } from "./ask-object.ts";
import { SampleBuffer, samplesOf } from "./sample-buffer.ts";

/** The MetricsShard namespace, as far as it is used. */
export interface MetricsShards {
  getByName(name: string): MetricsShardApi;
}

export interface MetricsOptions {
  readonly worker: string;
  /** How long samples are collected before they are handed on. */
  readonly windowMs: number;
  readonly shards: number;
  readonly clock?: Clock;
  readonly sleep?: (ms: number) => Promise<void>;
}

/** Told, by the invocation that finds out, of samples that are lost for good. */
export type OnLoss = (samples: number) => void;

/** A binding as what it is: the platform's types of calls by RPC lose the shape of tuples. */
export function shardsOf(namespace: object): MetricsShards {
  return namespace as MetricsShards;
}

const TIMEOUT_MS = 5_000;
/** Whoever hands on a batch and has not come back by then has died. */
const LEASE_MS = TIMEOUT_MS + 2_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
/** For how long one invocation goes on trying: it has 30 s after its answer, of which its window is a part. */
const PERSISTENCE_MS = 20_000;
/** How often whoever waits for somebody else's call looks whether it is over. */
const POLL_MS = 250;
/** By then a lease is over, even where the clock stands still. */
const MAX_POLLS = LEASE_MS / POLL_MS;
/** Less than the shard remembers its sources for: a batch that comes later than that would count twice. */
const GIVE_UP_MS = 60 * 60_000;
/** So many invocations look after a batch at a time, should the first ones be cut off. */
const GUARDS = 4;
/** A guard that has not come back by then was cut off. */
const GUARD_LIFE_MS = 30_000;

export function shardName(index: number): string {
  return `shard-${index}`;
}

/** How long until then; nothing where that is longer than it can be, for then the clock was set back. */
function untilThen(then: number, now: number, longestMs: number): number {
  return then - now > longestMs ? 0 : Math.max(0, then - now);
}

/** A batch on its way: the same, byte for byte, until it has arrived. */
interface Frozen {
  readonly batch: MetricsBatch;
  readonly since: number;
  tries: number;
  nextTryAt: number;
}

interface Open {
  readonly samples: SampleBuffer;
  readonly dueAt: number;
  guards: number;
  guardedAt: number;
}

/**
 * What an isolate counts, on its way to its shard: collected for a while, frozen under the next number, and sent until
 * it is acknowledged, in order; the shard applies each number once. So every sample is counted exactly once, or is in
 * `metrics_samples_dropped_total`, unless the isolate itself ends with samples in hand.
 *
 * Plain data is shared by the isolate's invocations; the calls are made in each invocation's own time, so one that is
 * cut off holds no other up.
 */
export class MetricsRecorder {
  readonly #shards: MetricsShards;
  readonly #options: Required<MetricsOptions>;
  /** Made on first use: an isolate has no randomness before. */
  #source: string | null = null;
  #shard = 0;
  #seq = 0;
  #open: Open | null = null;
  #frozen: Frozen | null = null;
  #abandoned: AbandonedBatch[] = [];
  #failedTries = 0;
  #busyUntil = 0;

  constructor(shards: MetricsShards, options: MetricsOptions) {
    this.#shards = shards;
    this.#options = { clock: systemClock, sleep: (ms) => scheduler.wait(ms), ...options };
  }

  /** The recorder as one invocation uses it: what it records is handed on in that invocation's background. */
  within(background: Background, onLoss: OnLoss): Metrics {
    let looked: Open | null = null;
    const guard = () => {
      const open = this.#open;
      if (open === null || open === looked) return;
      looked = open;
      if (this.#needsGuard(open)) background(this.#guard(open, onLoss));
    };
    return {
      count: (name, labels, by = 1) => {
        if (!(by > 0)) return;
        this.#collect().count(seriesKey(name, labels), by);
        guard();
      },
      time: (name, labels, durationMs) => {
        this.#collect().time(seriesKey(name, labels), Number.isFinite(durationMs) ? Math.max(0, durationMs) : 0);
        guard();
      },
    };
  }

  /** Hands on all there is, now, as far as that goes in `timeoutMs`. */
  async flush(timeoutMs: number, onLoss: OnLoss): Promise<void> {
    await this.#handOn(this.#options.clock.now() + timeoutMs, onLoss, true);
  }

  #collect(): SampleBuffer {
    const { clock, windowMs } = this.#options;
    this.#open ??= { samples: new SampleBuffer(), dueAt: clock.now() + windowMs, guards: 0, guardedAt: 0 };
    return this.#open.samples;
  }

  #needsGuard(open: Open): boolean {
    if (open.guards < GUARDS) return true;
    if (Math.abs(this.#options.clock.now() - open.guardedAt) < GUARD_LIFE_MS) return false;
    open.guards = 0;
    return true;
  }

  async #guard(open: Open, onLoss: OnLoss): Promise<void> {
    const { clock, sleep: pause, windowMs } = this.#options;
    open.guards++;
    open.guardedAt = clock.now();
    try {
      await pause(untilThen(open.dueAt, clock.now(), windowMs));
      await this.#handOn(clock.now() + PERSISTENCE_MS, onLoss, false);
    } finally {
      open.guards--;
    }
  }

  /**
   * Sends what is due, and after it what has become due meanwhile. While somebody else is at it, waits: whoever sends may
   * be cut off.
   */
  async #handOn(until: number, onLoss: OnLoss, all: boolean): Promise<void> {
    const { clock, sleep: pause } = this.#options;
    let force = all;
    let polls = 0;
    for (;;) {
      const now = clock.now();
      const busyMs = untilThen(this.#busyUntil, now, LEASE_MS);
      if (busyMs > 0 && polls++ < MAX_POLLS) {
        if (now >= until) return;
        await pause(Math.min(busyMs, POLL_MS));
        continue;
      }
      polls = 0;
      const frozen = this.#frozen ?? this.#freeze(now, onLoss, force);
      if (frozen === null) return;
      // What is recorded from here on has a time of its own.
      if (frozen.since === now) force = false;
      if (now - frozen.since >= GIVE_UP_MS) {
        this.#giveUp(frozen);
        continue;
      }
      if (now >= until) return;
      const pauseMs = untilThen(frozen.nextTryAt, now, LONGEST_PAUSE_MS);
      if (pauseMs > 0) {
        if (now + pauseMs >= until) return;
        await pause(pauseMs);
        continue;
      }
      await this.#send(frozen, now, onLoss);
    }
  }

  #freeze(now: number, onLoss: OnLoss, all: boolean): Frozen | null {
    const open = this.#open;
    const { worker, shards, windowMs } = this.#options;
    if (open === null || (!all && untilThen(open.dueAt, now, windowMs) > 0)) return null;
    if (this.#source === null) {
      this.#source = crypto.randomUUID();
      this.#shard = Number.parseInt(this.#source.slice(0, 8), 16) % shards;
    }
    const flushes = (outcome: string) => seriesKey("metrics_flushes_total", { worker, outcome });
    const extra: CounterDelta[] = [[flushes("ok"), 1]];
    if (this.#failedTries > 0) extra.push([flushes("failed"), this.#failedTries]);
    const batch = open.samples.toBatch(this.#source, ++this.#seq, this.#abandoned, extra);
    const frozen: Frozen = { batch, since: now, tries: 0, nextTryAt: now };
    this.#frozen = frozen;
    this.#open = null;
    this.#failedTries = 0;
    // Last: telling of it is counted, too, in the next batch.
    if (open.samples.lost > 0) onLoss(open.samples.lost);
    return frozen;
  }

  async #send(frozen: Frozen, now: number, onLoss: OnLoss): Promise<void> {
    const { clock } = this.#options;
    this.#busyUntil = now + LEASE_MS;
    try {
      const shard = this.#shards.getByName(shardName(this.#shard));
      const { dropped } = await askObject((async () => shard.apply(frozen.batch))(), TIMEOUT_MS);
      if (this.#frozen === frozen) {
        this.#frozen = null;
        this.#abandoned = [];
      }
      if (dropped > 0) onLoss(dropped);
    } catch {
      this.#failedTries++;
      frozen.tries++;
      const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (frozen.tries - 1));
      frozen.nextTryAt = clock.now() + pauseMs;
    } finally {
      this.#busyUntil = 0;
    }
  }

  /** Whether it has arrived after all, the shard knows: it will count it as lost only if it hasn't. */
  #giveUp(frozen: Frozen): void {
    this.#abandoned = [...frozen.batch.abandoned, { seq: frozen.batch.seq, samples: samplesOf(frozen.batch) }];
    this.#frozen = null;
  }
}

const recorders = new WeakMap<object, MetricsRecorder>();

/** The isolate's recorder. `namespace` is a binding of MetricsShard objects: see {@link shardsOf}. */
export function metricsRecorder(namespace: object, options: MetricsOptions): MetricsRecorder {
  let recorder = recorders.get(namespace);
  if (recorder === undefined) {
    recorder = new MetricsRecorder(shardsOf(namespace), options);
    recorders.set(namespace, recorder);
  }
  return recorder;
}
