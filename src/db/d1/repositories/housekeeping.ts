import { inArray, lt } from "drizzle-orm";
import type { Housekeeping } from "../../../ports/housekeeping.ts";
import type { Database } from "../atomic.ts";
import {
  deadLetters,
  devSms,
  idempotencyRecords,
  otpChallenges,
  providerCalls,
  verificationTokens,
} from "../schema/index.ts";

/** Development messages are read by people, who may come back after a break. */
const DEV_SMS_TTL_MS = 24 * 60 * 60_000;
/** Of what is kept for operators. The sums of the calls' costs stay. */
const RECORDS_TTL_MS = 90 * 24 * 60 * 60_000;
/** Of these there may be very many: so much a run, and the rest with the next. */
const BATCH = 1_000;

export function createD1Housekeeping(db: Database): Housekeeping {
  return {
    async deleteExpired(now) {
      const recordsEnd = now - RECORDS_TTL_MS;
      const oldCalls = db.select({ id: providerCalls.id }).from(providerCalls);
      const oldLetters = db.select({ id: deadLetters.id }).from(deadLetters);
      const results = await db.batch([
        db.delete(idempotencyRecords).where(lt(idempotencyRecords.expiresAt, now)),
        db.delete(otpChallenges).where(lt(otpChallenges.expiresAt, now)),
        db.delete(verificationTokens).where(lt(verificationTokens.expiresAt, now)),
        db.delete(devSms).where(lt(devSms.sentAt, now - DEV_SMS_TTL_MS)),
        db
          .delete(providerCalls)
          .where(inArray(providerCalls.id, oldCalls.where(lt(providerCalls.startedAt, recordsEnd)).limit(BATCH))),
        db
          .delete(deadLetters)
          .where(inArray(deadLetters.id, oldLetters.where(lt(deadLetters.receivedAt, recordsEnd)).limit(BATCH))),
      ]);
      return results.reduce((sum, result) => sum + result.meta.changes, 0);
    },
  };
}
