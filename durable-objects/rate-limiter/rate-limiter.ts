import { DurableObject } from "cloudflare:workers";
import type { RateGrowth, RateLimiterApi, TakeAnswer, TakeRequest } from "./contract.ts";
import { grownWindows, judge, lifeMs, stateOf, type Take } from "./sliding-log.ts";

const SCHEMA = [
  "CREATE TABLE IF NOT EXISTS takes (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, ends_at INTEGER NOT NULL)",
  "CREATE TABLE IF NOT EXISTS settled (bucket INTEGER PRIMARY KEY, n INTEGER NOT NULL, ends_at INTEGER NOT NULL)",
];
/** Rows whose time is over go in batches, so that a busy key pays one write a take and not two. */
const PRUNE_AT = 64;
/** Whoever has not decided a take by then has died. */
const PENDING_MS = 15_000;
/** Take ids grow with time, so one from before the object was emptied never names a later take. */
const IDS_PER_MS = 1_000;

type StoredTake = Take & { readonly endsAt: number };

/**
 * A sliding-window log: exact at every moment, across isolates and evictions. Each method decides and writes in one
 * synchronous turn, so no two calls see the same state; answers leave when the write is durable (output gate).
 * Denied takes are not recorded and so extend nothing. The clock is the object's.
 */
export class RateLimiter extends DurableObject implements RateLimiterApi {
  /** What the tables hold; null until it is first needed. */
  #takes: StoredTake[] | null = null;
  #hasTables = false;
  #dead = 0;
  #lastId = 0;
  /** Undecided takes of locks, by id, and since when. Not stored: after an eviction all count as decided. */
  readonly #pending = new Map<number, number>();

  async take(request: TakeRequest): Promise<TakeAnswer> {
    const now = this.#now();
    const takes = this.#live(now);
    const windows = grownWindows(request.windows, request.growth, request.growth ? this.#bestBucket(now) : 0);
    const { allowed, retryAfterMs } = judge(takes, windows, now);
    const states = () => windows.map((window) => stateOf(takes, window, now));
    if (!allowed) return { allowed, retryAfterMs, windows: states(), pending: this.#pendingCount(now) };
    const take = { id: this.#nextId(now), at: now, endsAt: now + lifeMs(windows) };
    if (takes.length === 0) this.#setAlarm(take.endsAt);
    this.#createTables();
    this.#sql.exec("INSERT INTO takes (id, at, ends_at) VALUES (?, ?, ?)", take.id, take.at, take.endsAt);
    takes.push(take);
    if (windows.some((window) => window.kind === "lock")) this.#pending.set(take.id, now);
    return { allowed, takeId: take.id, windows: states() };
  }

  async confirm(takeId: number): Promise<void> {
    this.#pending.delete(takeId);
  }

  async giveBack(takeId: number): Promise<void> {
    if (this.#remove(takeId) && this.#isEmpty()) await this.#forget();
  }

  async settle(takeId: number, growth: RateGrowth): Promise<void> {
    if (!this.#remove(takeId)) return;
    const bucket = Math.floor(Date.now() / growth.bucketMs) * growth.bucketMs;
    const endsAt = bucket + growth.bucketMs + growth.lookbackMs;
    const [row] = this.#sql.exec<{ n: number }>(
      "INSERT INTO settled (bucket, n, ends_at) VALUES (?, 1, ?) ON CONFLICT DO UPDATE SET n = n + 1 RETURNING n",
      bucket,
      endsAt,
    );
    if (row?.n !== 1) return;
    // The first of its bucket: time to drop those that are over, which a late alarm alone would never do.
    this.#sql.exec("DELETE FROM settled WHERE ends_at <= ?", Date.now());
    this.#setAlarm(endsAt);
  }

  async clear(): Promise<void> {
    this.#pending.clear();
    if (this.#load().length === 0) return;
    this.#sql.exec("DELETE FROM takes");
    this.#takes = [];
    this.#dead = 0;
    if (this.#isEmpty()) await this.#forget();
  }

  /** Forgets what is over; an object that counts nothing keeps nothing. */
  override async alarm(): Promise<void> {
    const now = Date.now();
    this.#createTables();
    this.#sql.exec("DELETE FROM settled WHERE ends_at <= ?", now);
    this.#prune(now);
    const [last] = this.#sql.exec<{ at: number | null }>(
      "SELECT max(ends_at) AS at FROM (SELECT ends_at FROM takes UNION ALL SELECT ends_at FROM settled)",
    );
    if (last?.at) return this.#setAlarm(last.at);
    await this.#forget();
  }

  #isEmpty(): boolean {
    if (this.#load().length > 0 || this.#dead > 0) return false;
    return this.#sql.exec("SELECT 1 FROM settled LIMIT 1").toArray().length === 0;
  }

  /** Leaves nothing stored, the alarm included: whoever made up a key has made no object that stays. */
  async #forget(): Promise<void> {
    this.#takes = null;
    this.#hasTables = false;
    await this.ctx.storage.deleteAll();
  }

  get #sql(): SqlStorage {
    return this.ctx.storage.sql;
  }

  /** The takes as stored, read once in an object's life in memory. Creates nothing: asking leaves no trace. */
  #load(): StoredTake[] {
    if (this.#takes === null) {
      this.#hasTables = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'settled'").toArray().length > 0;
      const stored = "SELECT id, at, ends_at AS endsAt FROM takes ORDER BY at, id";
      this.#takes = this.#hasTables ? this.#sql.exec<{ id: number; at: number; endsAt: number }>(stored).toArray() : [];
    }
    return this.#takes;
  }

  #createTables(): void {
    if (!this.#hasTables) for (const statement of SCHEMA) this.#sql.exec(statement);
    this.#hasTables = true;
  }

  /** A clock that was set back must not break the order of the log. */
  #now(): number {
    return Math.max(Date.now(), this.#load().at(-1)?.at ?? 0);
  }

  /** Never one that was used before, not even by a take of this very millisecond that was given back since. */
  #nextId(now: number): number {
    const last = Math.max(this.#lastId, this.#load().at(-1)?.id ?? 0);
    this.#lastId = Math.max(now * IDS_PER_MS, last + 1);
    return this.#lastId;
  }

  /** The takes that may still matter. */
  #live(now: number): StoredTake[] {
    const takes = this.#load();
    let over = 0;
    while (over < takes.length && (takes[over] as StoredTake).endsAt <= now) over++;
    takes.splice(0, over);
    this.#dead += over;
    if (this.#dead >= PRUNE_AT) this.#prune(now);
    return this.#load();
  }

  #prune(now: number): void {
    this.#takes = this.#load().filter((take) => take.endsAt > now);
    this.#sql.exec("DELETE FROM takes WHERE ends_at <= ?", now);
    this.#dead = 0;
  }

  #pendingCount(now: number): number {
    for (const [id, since] of this.#pending) if (now - since > PENDING_MS) this.#pending.delete(id);
    return this.#pending.size;
  }

  #remove(takeId: number): boolean {
    this.#pending.delete(takeId);
    const takes = this.#load();
    const index = takes.findIndex((take) => take.id === takeId);
    if (index === -1) return false;
    takes.splice(index, 1);
    this.#sql.exec("DELETE FROM takes WHERE id = ?", takeId);
    return true;
  }

  #bestBucket(now: number): number {
    if (!this.#hasTables) return 0;
    const [best] = this.#sql.exec<{ n: number | null }>("SELECT max(n) AS n FROM settled WHERE ends_at > ?", now);
    return best?.n ?? 0;
  }

  /** Written in the same turn as the rows it will remove, hence in the same transaction. */
  #setAlarm(epochMs: number): void {
    void this.ctx.storage.setAlarm(epochMs);
  }
}
