import { lt } from "drizzle-orm";
import type { Housekeeping } from "../../../ports/housekeeping.ts";
import type { Database } from "../atomic.ts";
import { devSms, idempotencyRecords, otpChallenges, verificationTokens } from "../schema/index.ts";

/** Development messages are read by people, who may come back after a break. */
const DEV_SMS_TTL_MS = 24 * 60 * 60_000;

export function createD1Housekeeping(db: Database): Housekeeping {
  return {
    async deleteExpired(now) {
      const results = await db.batch([
        db.delete(idempotencyRecords).where(lt(idempotencyRecords.expiresAt, now)),
        db.delete(otpChallenges).where(lt(otpChallenges.expiresAt, now)),
        db.delete(verificationTokens).where(lt(verificationTokens.expiresAt, now)),
        db.delete(devSms).where(lt(devSms.sentAt, now - DEV_SMS_TTL_MS)),
      ]);
      return results.reduce((sum, result) => sum + result.meta.changes, 0);
    },
  };
}
