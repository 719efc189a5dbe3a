import { and, eq, gt, isNull, sql } from "drizzle-orm";
import type { NewUser, RegisterOutcome, UserRepository } from "../../../modules/users/repository.ts";
import type { User } from "../../../modules/users/user.ts";
import { type Database, insertWhere } from "../atomic.ts";
import { users, verificationTokens } from "../schema/index.ts";

const DEFAULT_PLAN = "free";

const columns = {
  id: users.id,
  phone: users.phone,
  name: users.name,
  bio: users.bio,
  locale: users.locale,
  role: users.role,
  status: users.status,
  createdAt: users.createdAt,
  updatedAt: users.updatedAt,
};

/** Using the token up and creating the account, bound together by a value only this call knows. */
async function register(db: Database, user: NewUser, tokenHash: string): Promise<RegisterOutcome> {
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
  const row = { ...user, planId: DEFAULT_PLAN, updatedAt: user.createdAt };
  const [consumed, inserted] = await db.batch([
    db.update(verificationTokens).set({ consumedBy: writeId }).where(token),
    insertWhere(db, users, row, consumedByUs).onConflictDoNothing({ target: users.phone }),
  ]);
  if (consumed.meta.changes === 0) return { kind: "token_refused" };
  if (inserted.meta.changes === 0) return { kind: "phone_taken" };
  const { passwordHash: _, ...rest } = user;
  return { kind: "registered", user: { ...rest, updatedAt: user.createdAt } };
}

/** User accounts on D1. */
export function createD1UserRepository(db: Database): UserRepository {
  return {
    async find(id) {
      const [row] = await db.select(columns).from(users).where(eq(users.id, id)).limit(1);
      return row ?? null;
    },

    async findCredentials(phone) {
      const query = db.select({ ...columns, passwordHash: users.passwordHash }).from(users);
      const [row] = await query.where(eq(users.phone, phone)).limit(1);
      if (row === undefined) return null;
      const { passwordHash, ...user } = row;
      return { user, passwordHash };
    },

    async isRegistered(phone) {
      const rows = await db.select({ id: users.id }).from(users).where(eq(users.phone, phone)).limit(1);
      return rows.length > 0;
    },

    register: (user, tokenHash) => register(db, user, tokenHash),

    async updateProfile(id, fields, now): Promise<User | null> {
      // `updatedAt` never goes back, whichever isolate's clock is behind.
      const updatedAt = sql`max(${users.updatedAt}, ${now})`;
      const query = db.update(users).set({ ...fields, updatedAt });
      const [row] = await query.where(eq(users.id, id)).returning(columns);
      return row ?? null;
    },

    async replacePasswordHash(id, from, to) {
      const guard = and(eq(users.id, id), eq(users.passwordHash, from));
      const rows = await db.update(users).set({ passwordHash: to }).where(guard).returning({ id: users.id });
      return rows.length === 1;
    },
  };
}
