import { and, eq, exists, gt, inArray, isNull, lt, sql } from "drizzle-orm";
import type { OtpPurpose, OtpRepository } from "../../../modules/auth/repository.ts";
import { type Database, insertWhere } from "../atomic.ts";
import { otpChallenges, smsOutbox, users, verificationTokens } from "../schema/index.ts";
import { auditInsert } from "./audit.ts";

function usable(tokenHash: string, purpose: OtpPurpose, now: number) {
  return and(
    eq(verificationTokens.tokenHash, tokenHash),
    eq(verificationTokens.purpose, purpose),
    isNull(verificationTokens.consumedBy),
    gt(verificationTokens.expiresAt, now),
  );
}

// SQL compares in variable time, which is harmless here: both sides are MACs under a key nobody outside has, so how long
// a comparison takes says nothing about a code that has not been tried.
const consumeCode =
  (db: Database): OtpRepository["consumeCode"] =>
  async ({ challengeId, phoneMacs, codeMacs }, token, { now, maxAttempts, event }) => {
    const writeId = crypto.randomUUID();
    const matches = inArray(otpChallenges.codeMac, [...codeMacs]);
    const live = and(
      eq(otpChallenges.id, challengeId),
      inArray(otpChallenges.phoneMac, [...phoneMacs]),
      isNull(otpChallenges.consumedAt),
      lt(otpChallenges.attempts, maxAttempts),
      gt(otpChallenges.expiresAt, now),
    );
    const consumed = exists(
      db
        .select({ one: sql`1` })
        .from(otpChallenges)
        .where(and(eq(otpChallenges.id, challengeId), eq(otpChallenges.consumedBy, writeId))),
    );
    const [tried, , , account] = await db.batch([
      db
        .update(otpChallenges)
        .set({
          attempts: sql`${otpChallenges.attempts} + 1`,
          consumedAt: sql`CASE WHEN ${matches} THEN ${now} END`,
          consumedBy: sql`CASE WHEN ${matches} THEN ${writeId} END`,
        })
        .where(live)
        .returning({ consumedBy: otpChallenges.consumedBy, takes: otpChallenges.takes }),
      insertWhere(db, verificationTokens, token, consumed),
      auditInsert(db, event, consumed),
      db.select({ id: users.id }).from(users).where(eq(users.phone, token.phone)).limit(1),
    ]);
    const [challenge] = tried;
    if (challenge === undefined) return { kind: "no_challenge" };
    if (challenge.consumedBy !== writeId) return { kind: "wrong" };
    return { kind: "verified", takes: challenge.takes ?? [], registered: account.length > 0 };
  };

/** One-time codes on D1. */
export function createD1OtpRepository(db: Database): OtpRepository {
  return {
    async createChallenge(challenge, sms, event) {
      await db.batch([
        db.insert(otpChallenges).values({ ...challenge, attempts: 0 }),
        db.insert(smsOutbox).values({ ...sms, attempts: 0 }),
        auditInsert(db, event),
      ]);
    },

    consumeCode: consumeCode(db),

    async peekVerificationToken(tokenHash, purpose, now) {
      const query = db.select({ phone: verificationTokens.phone }).from(verificationTokens);
      const [row] = await query.where(usable(tokenHash, purpose, now)).limit(1);
      return row?.phone ?? null;
    },

    async consumeVerificationToken(tokenHash, purpose, { now, event }) {
      const writeId = crypto.randomUUID();
      const consumed = sql`EXISTS (SELECT 1 FROM ${verificationTokens}
        WHERE ${verificationTokens.tokenHash} = ${tokenHash} AND ${verificationTokens.consumedBy} = ${writeId})`;
      const [rows] = await db.batch([
        db
          .update(verificationTokens)
          .set({ consumedBy: writeId })
          .where(usable(tokenHash, purpose, now))
          .returning({ phone: verificationTokens.phone }),
        auditInsert(db, event, consumed),
      ]);
      return rows[0]?.phone ?? null;
    },
  };
}
