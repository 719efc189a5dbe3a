import { DurableObject } from "cloudflare:workers";
import { toBase64Url } from "../../src/kernel/encoding.ts";
import { newId } from "../../src/kernel/ids.ts";
import type {
  AdvanceRequest,
  OpenAnswer,
  OpenSessionRequest,
  RefreshAnswer,
  RefreshRequest,
  RefreshState,
  SessionSummary,
  Standing,
  UserSessionsApi,
} from "./contract.ts";
import {
  decideRefresh,
  expiresAt,
  isLive,
  laterStanding,
  newSession,
  restricted,
  type SessionRecord,
  sessionsToEnd,
  touched,
} from "./session.ts";

const SALT_BYTES = 16;
/** A standing outlives the sessions by longer than any login takes, to refuse one that was begun before it. */
const STANDING_KEPT_MS = 3_600_000;
const SCHEMA = [
  `CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, openedBy TEXT, epoch INTEGER NOT NULL, salt TEXT NOT NULL, counter INTEGER NOT NULL, rotatedAt INTEGER,
    used INTEGER NOT NULL, userAgent TEXT, ipPrefix TEXT, createdAt INTEGER NOT NULL, lastSeenAt INTEGER NOT NULL,
    idleExpiresAt INTEGER NOT NULL, absoluteExpiresAt INTEGER NOT NULL
  )`,
  `CREATE TABLE IF NOT EXISTS standing (
    one INTEGER PRIMARY KEY CHECK (one = 1), role TEXT NOT NULL, status TEXT NOT NULL, epoch INTEGER NOT NULL,
    keptUntil INTEGER NOT NULL
  )`,
];

type Row<T> = { [K in keyof T]: T[K] };
type StoredStanding = Standing & { readonly keptUntil: number };

interface Memory {
  readonly sessions: Map<string, SessionRecord>;
  standing: StoredStanding | null;
}

/**
 * One user's sessions, named by the user's id. Every method decides and writes in one synchronous turn, so parallel
 * calls see each other's effect; answers leave only when the writes are durable (output gate). The clock is the object's.
 */
export class UserSessions extends DurableObject implements UserSessionsApi {
  /** What the tables hold; null until it is first needed. */
  #memory: Memory | null = null;
  #hasTables = false;

  async open(request: OpenSessionRequest): Promise<OpenAnswer> {
    const now = Date.now();
    const { sessions, standing } = this.#load();
    if (standing !== null && standing.epoch > request.standing.epoch) return { kind: "stale" };
    const known = [...sessions.values()].find(
      (session) => session.openedBy !== null && session.openedBy === request.proof,
    );
    if (known !== undefined && isLive(known, now)) return { kind: "opened", ...refreshState(known, now) };
    for (const id of sessionsToEnd([...sessions.values()], request.maxSessions, now)) this.#delete(id);
    const session = newSession(newId("ses", now), newSalt(), request, now);
    this.#adopt(request.standing, now);
    this.#save(session);
    this.#schedule();
    return { kind: "opened", ...refreshState(session, now) };
  }

  async check(sessionId: string, counter: number): Promise<Pick<Standing, "role" | "status"> | null> {
    const now = Date.now();
    const { sessions, standing } = this.#load();
    const session = sessions.get(sessionId);
    if (session === undefined || standing === null || !isLive(session, now)) return null;
    const seen = touched(session, counter, now);
    if (seen !== session) this.#save(seen);
    return { role: standing.role, status: standing.status };
  }

  async refresh(request: RefreshRequest): Promise<RefreshAnswer> {
    const now = Date.now();
    const { sessions, standing } = this.#load();
    const session = sessions.get(request.sessionId);
    if (session === undefined || standing === null || !isLive(session, now)) return { kind: "unknown" };
    if (session.salt !== request.salt) return { kind: "unknown" };
    const decision = decideRefresh(session, request, now);
    if (decision.kind === "reuse") {
      this.#delete(session.id);
      return { kind: "reused" };
    }
    if (decision.kind === "advance") this.#save(decision.session);
    const current = decision.kind === "advance" ? decision.session : session;
    return { kind: "refreshed", role: standing.role, status: standing.status, ...refreshState(current, now) };
  }

  async list(): Promise<SessionSummary[]> {
    const now = Date.now();
    return [...this.#load().sessions.values()]
      .filter((session) => isLive(session, now))
      .sort((a, b) => (a.id < b.id ? 1 : -1))
      .map((session) => ({
        id: session.id,
        userAgent: session.userAgent,
        ipPrefix: session.ipPrefix,
        createdAt: session.createdAt,
        lastSeenAt: session.lastSeenAt,
        expiresAt: expiresAt(session),
      }));
  }

  async end(sessionId: string): Promise<boolean> {
    const session = this.#load().sessions.get(sessionId);
    if (session === undefined) return false;
    this.#delete(sessionId);
    return isLive(session, Date.now());
  }

  async advance({ standing, effect, keep, restrictedMs }: AdvanceRequest): Promise<void> {
    const now = Date.now();
    this.#adopt(standing, now);
    for (const session of [...this.#load().sessions.values()]) {
      if (session.epoch >= standing.epoch || session.id === keep) continue;
      if (effect === "end") this.#delete(session.id);
      else this.#save(restricted(session, newSalt(), restrictedMs, now));
    }
    this.#schedule();
  }

  /** Forgets what is over; an object without sessions keeps nothing. */
  override async alarm(): Promise<void> {
    const now = Date.now();
    const { sessions, standing } = this.#load();
    for (const session of [...sessions.values()]) if (!isLive(session, now)) this.#delete(session.id);
    if (sessions.size > 0 || (standing !== null && standing.keptUntil > now)) return this.#schedule();
    this.#memory = null;
    this.#hasTables = false;
    await this.ctx.storage.deleteAll();
  }

  get #sql(): SqlStorage {
    return this.ctx.storage.sql;
  }

  /** What is stored, without creating anything: whoever asks an object that is not in use leaves no trace. */
  #load(): Memory {
    if (this.#memory === null) {
      this.#hasTables = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'standing'").toArray().length > 0;
      if (this.#hasTables) this.#bringUpToDate();
      const rows = this.#hasTables ? this.#sql.exec<Row<SessionRecord>>("SELECT * FROM sessions").toArray() : [];
      const standings = this.#hasTables
        ? this.#sql.exec<Row<StoredStanding>>("SELECT role, status, epoch, keptUntil FROM standing").toArray()
        : [];
      this.#memory = { sessions: new Map(rows.map((row) => [row.id, row])), standing: standings[0] ?? null };
    }
    return this.#memory;
  }

  /** Objects live longer than versions: a column that came later is added to the table of an earlier one. */
  #bringUpToDate(): void {
    const [table] = this.#sql.exec<{ sql: string }>("SELECT sql FROM sqlite_master WHERE name = 'sessions'");
    if (table?.sql.includes("openedBy")) return;
    this.#sql.exec("ALTER TABLE sessions ADD COLUMN openedBy TEXT");
  }

  #createTables(): void {
    if (this.#hasTables) return;
    // Without a standing, sessions are of a form that nothing reads any more.
    this.#sql.exec("DROP TABLE IF EXISTS sessions");
    for (const statement of SCHEMA) this.#sql.exec(statement);
    this.#hasTables = true;
  }

  #delete(id: string): void {
    this.#sql.exec("DELETE FROM sessions WHERE id = ?", id);
    this.#load().sessions.delete(id);
  }

  #save(session: SessionRecord): void {
    this.#createTables();
    const columns = Object.keys(session);
    const marks = columns.map(() => "?").join(", ");
    this.#sql.exec(
      `INSERT OR REPLACE INTO sessions (${columns.join(", ")}) VALUES (${marks})`,
      ...Object.values(session),
    );
    this.#load().sessions.set(session.id, session);
  }

  #adopt(offered: Standing, now: number): void {
    const memory = this.#load();
    const { role, status, epoch } = laterStanding(memory.standing, offered);
    const known = memory.standing;
    if (known !== null && known.epoch === epoch && known.role === role && known.status === status) return;
    this.#createTables();
    const keptUntil = now + STANDING_KEPT_MS;
    this.#sql.exec(
      "INSERT OR REPLACE INTO standing (one, role, status, epoch, keptUntil) VALUES (1, ?, ?, ?, ?)",
      role,
      status,
      epoch,
      keptUntil,
    );
    memory.standing = { role, status, epoch, keptUntil };
  }

  /** Written in the same turn as the rows it will look after, hence in the same transaction. */
  #schedule(): void {
    const { sessions, standing } = this.#load();
    const ends = [...sessions.values()].map(expiresAt);
    if (ends.length === 0 && standing === null) return;
    void this.ctx.storage.setAlarm(Math.min(...ends, ...(ends.length === 0 && standing ? [standing.keptUntil] : [])));
  }
}

function newSalt(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(SALT_BYTES)));
}

function refreshState(session: SessionRecord, now: number): RefreshState {
  const { id, counter, salt } = session;
  return { sessionId: id, counter, salt, idleExpiresInMs: expiresAt(session) - now };
}
