import { desc, eq, lt, sql } from "drizzle-orm";
import type { Clock } from "../../../kernel/clock.ts";
import { newId } from "../../../kernel/ids.ts";
import { otpText } from "../../../kernel/otp-text.ts";
import type { SmsInbox, SmsSender } from "../../../ports/sms-sender.ts";
import type { Database } from "../atomic.ts";
import { devSms } from "../schema/index.ts";

const INBOX_SIZE = 50;
const KEEP_MS = 24 * 3_600_000;

/** The development SMS provider: keeps messages for a day instead of sending them. */
export function createD1DevSms(db: Database, clock: Clock): SmsSender & SmsInbox {
  return {
    async sendOtp({ to, code, ttlMs }) {
      const sentAt = clock.now();
      const text = otpText({ code, ttlMs });
      await db.batch([
        db.insert(devSms).values({ id: newId("sms", sentAt), recipient: to, text, code, sentAt }),
        db.delete(devSms).where(lt(devSms.sentAt, sentAt - KEEP_MS)),
      ]);
    },

    list(to) {
      return db
        .select({ to: devSms.recipient, text: devSms.text, code: devSms.code, sentAt: devSms.sentAt })
        .from(devSms)
        .where(to === null ? undefined : eq(devSms.recipient, to))
        .orderBy(desc(devSms.sentAt), sql`rowid DESC`)
        .limit(INBOX_SIZE);
    },
  };
}
