import { DurableObject } from "cloudflare:workers";
import type {
  CircuitForce,
  CircuitOutcome,
  CircuitPass,
  CircuitState,
  TripReason,
} from "../../src/ports/circuit-breaker.ts";
import { admit, type Breaker, described, FRESH, forced, forgottenAt, mustStore, report, settled } from "./breaker.ts";
import type { AdmitAnswer, CircuitBreakerApi } from "./contract.ts";

const SCHEMA =
  "CREATE TABLE IF NOT EXISTS breaker (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, state TEXT NOT NULL)";
/** Of the stored form. One of another version counts as none: at the worst a sick provider is found out anew. */
const VERSION = 1;

/**
 * One circuit, named by itself. Each method decides and writes in one synchronous turn, so no two calls see the same
 * state; answers leave when the write is durable (output gate). The clock is the object's.
 *
 * Stored is everything but the successes of a window without failures: leave to call costs no write, and neither does a
 * success while all goes well. An eviction may forget just these, and then a circuit opens a little sooner.
 */
export class CircuitBreaker extends DurableObject implements CircuitBreakerApi {
  /** What is stored, and the successes that aren't; null until it is first needed. */
  #breaker: Breaker | null = null;
  #hasTable = false;

  async admit(circuit: string, probeTtlMs: number): Promise<AdmitAnswer> {
    const probe = { token: crypto.randomUUID(), ttlMs: probeTtlMs };
    const { breaker, answer } = admit(this.#load(), circuit, probe, Date.now());
    this.#keep(breaker);
    return answer;
  }

  async report(pass: CircuitPass, outcome: CircuitOutcome, backoffMs: number): Promise<TripReason | "closed" | null> {
    const { breaker, change } = report(this.#load(), pass, outcome, Date.now(), Math.random(), backoffMs);
    this.#keep(breaker);
    return change;
  }

  async state(circuit: string): Promise<CircuitState> {
    return described(this.#load(), circuit, Date.now());
  }

  async force(circuit: string, force: CircuitForce): Promise<CircuitState> {
    const now = Date.now();
    this.#keep(forced(this.#load(), force, now));
    return described(this.#load(), circuit, now);
  }

  /** Forgets what is over; only room depends on it. One that an admin holds is kept until he lets it go. */
  override async alarm(): Promise<void> {
    const breaker = settled(this.#load(), Date.now());
    const end = forgottenAt(breaker);
    if (breaker !== FRESH) {
      if (end !== null) this.#setAlarm(end);
      return;
    }
    this.#breaker = null;
    this.#hasTable = false;
    await this.ctx.storage.deleteAll();
  }

  get #sql(): SqlStorage {
    return this.ctx.storage.sql;
  }

  /** Read once in an object's life in memory. Creates nothing: asking leaves no trace. */
  #load(): Breaker {
    if (this.#breaker === null) {
      this.#hasTable = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'breaker'").toArray().length > 0;
      const rows = this.#hasTable
        ? this.#sql.exec<{ state: string }>("SELECT state FROM breaker WHERE version = ?", VERSION).toArray()
        : [];
      this.#breaker = rows[0] ? (JSON.parse(rows[0].state) as Breaker) : FRESH;
    }
    return this.#breaker;
  }

  #keep(breaker: Breaker): void {
    const before = this.#load();
    if (mustStore(before, breaker)) {
      const isFirst = !this.#hasTable;
      if (isFirst) this.#sql.exec(SCHEMA);
      this.#hasTable = true;
      const row = "INSERT OR REPLACE INTO breaker (one, version, state) VALUES (1, ?, ?)";
      this.#sql.exec(row, VERSION, JSON.stringify(breaker));
      // One alarm at a time, which looks for itself when to come again.
      const end = forgottenAt(breaker);
      if (end !== null && (isFirst || before.force !== "auto")) this.#setAlarm(end);
    }
    this.#breaker = breaker;
  }

  /** Written in the same turn as the row it will look after, hence in the same transaction. */
  #setAlarm(epochMs: number): void {
    void this.ctx.storage.setAlarm(epochMs);
  }
}
