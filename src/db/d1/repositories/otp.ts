import { and, eq, gt, inArray, isNull, lt, sql } from "drizzle-orm";
import type { OtpPurpose, OtpRepository } from "../../../modules/auth/repository.ts";
import type { Database } from "../atomic.ts";
import { otpChallenges, verificationTokens } from "../schema/index.ts";

function usable(tokenHash: string, purpose: OtpPurpose, now: number) {
  return and(
    eq(verificationTokens.tokenHash, tokenHash),
    eq(verificationTokens.purpose, purpose),
    isNull(verificationTokens.consumedBy),
    gt(verificationTokens.expiresAt, now),
  );
}

/** One-time codes on D1. */
export function createD1OtpRepository(db: Database): OtpRepository {
  return {
    async createChallenge(challenge) {
      await db.insert(otpChallenges).values({ ...challenge, attempts: 0 });
    },

    // SQL compares in variable time, which is harmless here: both sides are MACs under a key nobody outside has, so
    // how long a comparison takes says nothing about a code that has not been tried.
    async consumeCode(challengeId, macs, { now, maxAttempts }) {
      const matches = inArray(otpChallenges.codeMac, [...macs]);
      const rows = await db
        .update(otpChallenges)
        .set({
          attempts: sql`${otpChallenges.attempts} + 1`,
          consumedAt: sql`CASE WHEN ${matches} THEN ${now} ELSE ${otpChallenges.consumedAt} END`,
        })
        .where(
          and(
            eq(otpChallenges.id, challengeId),
            isNull(otpChallenges.consumedAt),
            lt(otpChallenges.attempts, maxAttempts),
            gt(otpChallenges.expiresAt, now),
          ),
        )
        .returning({ consumedAt: otpChallenges.consumedAt });
      return rows.some((row) => row.consumedAt !== null);
    },

    async createVerificationToken(token) {
      await db.insert(verificationTokens).values(token);
    },

    async peekVerificationToken(tokenHash, purpose, now) {
      const query = db.select({ phone: verificationTokens.phone }).from(verificationTokens);
      const [row] = await query.where(usable(tokenHash, purpose, now)).limit(1);
      return row?.phone ?? null;
    },

    async consumeVerificationToken(tokenHash, purpose, now) {
      const rows = await db
        .update(verificationTokens)
        .set({ consumedBy: crypto.randomUUID() })
        .where(usable(tokenHash, purpose, now))
        .returning({ phone: verificationTokens.phone });
      return rows[0]?.phone ?? null;
    },
  };
}
