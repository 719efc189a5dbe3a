import { and, desc, eq, gt, isNull, lt, type SQL, sql } from "drizzle-orm";
import type { AuditEvent } from "../../../kernel/audit.ts";
import { toPage } from "../../../kernel/page.ts";
import type { Credentials, NewUser, RegisterOutcome, UserRepository } from "../../../modules/users/repository.ts";
import type { User } from "../../../modules/users/user.ts";
import { type Database, insertWhere } from "../atomic.ts";
import { outbox, users, verificationTokens } from "../schema/index.ts";
import { changeAccount, PROMISE_GRACE_MS, resetPassword } from "./account-change.ts";
import { deleteAccount } from "./account-deletion.ts";
import { auditInsert } from "./audit.ts";
import { growth, increment } from "./business-counters.ts";

const DEFAULT_PLAN = "free";

const columns = {
  id: users.id,
  phone: users.phone,
  name: users.name,
  bio: users.bio,
  locale: users.locale,
  role: users.role,
  status: users.status,
  sessionEpoch: users.sessionEpoch,
  createdAt: users.createdAt,
  updatedAt: users.updatedAt,
};

/** Spelled out, since bound values would keep SQLite from the indexes it has for them. */
const isThere = sql`${users.status} <> 'deleted'`;

/** Whether all that its owner sees of an account is as it was; no condition without one. */
function isStill(expected: User | null): SQL | undefined {
  if (expected === null) return undefined;
  const { phone, name, bio, locale, role, updatedAt } = expected;
  const seen = Object.entries({ phone, name, bio, locale, role, updatedAt });
  return and(...seen.map(([column, value]) => sql`${columns[column as keyof typeof columns]} IS ${value}`));
}

/** Using the token up and creating the account, bound together by a value only this call knows. */
async function register(db: Database, user: NewUser, tokenHash: string, event: AuditEvent): Promise<RegisterOutcome> {
  const writeId = crypto.randomUUID();
  const token = and(
    eq(verificationTokens.tokenHash, tokenHash),
    eq(verificationTokens.purpose, "register"),
    eq(verificationTokens.phone, user.phone),
    isNull(verificationTokens.consumedBy),
    gt(verificationTokens.expiresAt, user.createdAt),
  );
  const consumedByUs = sql`EXISTS (SELECT 1 FROM ${verificationTokens}
    WHERE ${verificationTokens.tokenHash} = ${tokenHash} AND ${verificationTokens.consumedBy} = ${writeId})`;
  const row = { ...user, planId: DEFAULT_PLAN, updatedAt: user.createdAt, writeId };
  const inserted = sql`EXISTS (SELECT 1 FROM ${users} WHERE ${users.id} = ${user.id} AND ${users.writeId} = ${writeId})`;
  const [consumption, insertion] = await db.batch([
    db.update(verificationTokens).set({ consumedBy: writeId }).where(token),
    insertWhere(db, users, row, consumedByUs).onConflictDoNothing({ target: users.phone }),
    auditInsert(db, event, inserted),
    increment(db, [growth("user_registrations_total", {})], inserted),
  ]);
  if (consumption.meta.changes === 0) return { kind: "token_refused" };
  if (insertion.meta.changes === 0) return { kind: "phone_taken" };
  const { passwordHash: _, ...rest } = user;
  return { kind: "registered", user: { ...rest, updatedAt: user.createdAt } };
}

/** User accounts on D1. */
export function createD1UserRepository(db: Database): UserRepository {
  async function credentials(where: SQL): Promise<Credentials | null> {
    const query = db.select({ ...columns, passwordHash: users.passwordHash }).from(users);
    const [row] = await query.where(and(where, isThere)).limit(1);
    if (row === undefined) return null;
    const { passwordHash, ...user } = row;
    return { user, passwordHash };
  }

  return {
    async find(id) {
      const [row] = await db
        .select(columns)
        .from(users)
        .where(and(eq(users.id, id), isThere))
        .limit(1);
      return row ?? null;
    },

    findCredentials: (phone) => credentials(eq(users.phone, phone)),
    findCredentialsOf: (id) => credentials(eq(users.id, id)),

    async isRegistered(phone) {
      const rows = await db.select({ id: users.id }).from(users).where(eq(users.phone, phone)).limit(1);
      return rows.length > 0;
    },

    async list({ phone, role, status }, page) {
      const where = and(
        phone === undefined ? undefined : eq(users.phone, phone),
        role === undefined ? undefined : eq(users.role, role),
        status === undefined ? isThere : eq(users.status, status),
        page.afterKey === null ? undefined : lt(users.id, page.afterKey),
      );
      const rows = await db
        .select(columns)
        .from(users)
        .where(where)
        .orderBy(desc(users.id))
        .limit(page.limit + 1);
      return toPage(rows, page.limit, (user) => user.id);
    },

    register: (user, tokenHash, event) => register(db, user, tokenHash, event),

    async updateProfile(id, fields, event, expected) {
      const writeId = crypto.randomUUID();
      // `updatedAt` never goes back, whichever isolate's clock is behind.
      const updatedAt = sql`max(${users.updatedAt}, ${event.createdAt})`;
      const changed = sql`EXISTS (SELECT 1 FROM ${users} WHERE ${users.id} = ${id} AND ${users.writeId} = ${writeId})`;
      const [rows] = await db.batch([
        db
          .update(users)
          .set({ ...fields, updatedAt, writeId })
          .where(and(eq(users.id, id), isThere, isStill(expected)))
          .returning(columns),
        auditInsert(db, event, changed),
      ]);
      return rows[0] ?? null;
    },

    async replacePasswordHash(id, from, to) {
      const guard = and(eq(users.id, id), eq(users.passwordHash, from));
      const rows = await db.update(users).set({ passwordHash: to }).where(guard).returning({ id: users.id });
      return rows.length === 1;
    },

    changeAccount: (change) => changeAccount(db, change),
    resetPassword: (tokenHash, change) => resetPassword(db, tokenHash, change),

    async promiseSessionEnd({ id, userId, sessionId, event, now }) {
      const dueAt = now + PROMISE_GRACE_MS;
      const payload = { userId, sessionId };
      await db.batch([
        db.insert(outbox).values({ id, topic: "sessions.end", payload, dueAt, createdAt: now }),
        auditInsert(db, event),
      ]);
    },

    deleteAccount: (deletion) => deleteAccount(db, deletion),
  };
}
