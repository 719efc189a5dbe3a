import { DurableObject } from "cloudflare:workers";
import { toBase64Url } from "../../src/kernel/encoding.ts";
import { newId } from "../../src/kernel/ids.ts";
import type { OpenedSessionState, OpenSessionRequest, SessionRole, UserSessionsApi } from "./contract.ts";
import { isLive, isTouchDue, newSession, type SessionRecord, sessionsToEnd } from "./session.ts";

const SALT_BYTES = 16;
const SCHEMA = `CREATE TABLE IF NOT EXISTS sessions (
  id TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  salt TEXT NOT NULL,
  counter INTEGER NOT NULL,
  userAgent TEXT,
  ipPrefix TEXT,
  createdAt INTEGER NOT NULL,
  lastSeenAt INTEGER NOT NULL,
  idleExpiresAt INTEGER NOT NULL,
  absoluteExpiresAt INTEGER NOT NULL
)`;

type Row = { [K in keyof SessionRecord]: SessionRecord[K] };

/**
 * One user's sessions, named by the user's id. Every method decides and writes in one synchronous turn, so parallel
 * calls see each other's effect; answers leave only when the writes are durable (output gate). The clock is the object's.
 */
export class UserSessions extends DurableObject implements UserSessionsApi {
  #hasTable = false;

  /** Opens a session, ending the oldest where the cap is reached. */
  async open(request: OpenSessionRequest): Promise<OpenedSessionState> {
    const now = Date.now();
    const salt = toBase64Url(crypto.getRandomValues(new Uint8Array(SALT_BYTES)));
    const session = newSession(newId("ses", now), salt, request, now);
    for (const id of sessionsToEnd(this.#all(), request.maxSessions, now)) this.#delete(id);
    this.#insert(session);
    await this.#scheduleCleanup();
    return { sessionId: session.id, counter: session.counter, salt, idleExpiresInMs: session.idleExpiresAt - now };
  }

  /** The role a live session may act with, or null. */
  async check(sessionId: string): Promise<SessionRole | null> {
    const now = Date.now();
    const [session] = this.#sql.exec<Row>("SELECT * FROM sessions WHERE id = ?", sessionId);
    if (session === undefined || !isLive(session, now)) return null;
    if (isTouchDue(session, now)) this.#sql.exec("UPDATE sessions SET lastSeenAt = ? WHERE id = ?", now, sessionId);
    return session.role;
  }

  /** Forgets sessions that are over; an object without any keeps nothing. */
  override async alarm(): Promise<void> {
    const now = Date.now();
    const sessions = this.#all();
    for (const session of sessions) if (!isLive(session, now)) this.#delete(session.id);
    if (sessions.some((session) => isLive(session, now))) return this.#scheduleCleanup();
    this.#hasTable = false;
    await this.ctx.storage.deleteAll();
  }

  get #sql(): SqlStorage {
    if (!this.#hasTable) this.ctx.storage.sql.exec(SCHEMA);
    this.#hasTable = true;
    return this.ctx.storage.sql;
  }

  #all(): SessionRecord[] {
    return this.#sql.exec<Row>("SELECT * FROM sessions").toArray();
  }

  #delete(id: string): void {
    this.#sql.exec("DELETE FROM sessions WHERE id = ?", id);
  }

  #insert(session: SessionRecord): void {
    const columns = Object.keys(session);
    const marks = columns.map(() => "?").join(", ");
    this.#sql.exec(`INSERT INTO sessions (${columns.join(", ")}) VALUES (${marks})`, ...Object.values(session));
  }

  async #scheduleCleanup(): Promise<void> {
    const ends = this.#all().map((session) => Math.min(session.idleExpiresAt, session.absoluteExpiresAt));
    if (ends.length > 0) await this.ctx.storage.setAlarm(Math.min(...ends));
  }
}
