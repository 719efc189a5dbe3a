import { beforeAll, describe, expect, it } from "vitest";
import { plansOf, TABLE_SCAN } from "../support/query-plans.ts";
import { REPOSITORY_CALLS } from "./repository-calls.ts";

/** What is no search by an index in its order, and why it may be so. */
const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  // In the order of the primary key, and no further than the page is long.
  "users.list": ["SCAN users USING INDEX sqlite_autoindex_users_1"],
  "deadLetters.list": ["SCAN dead_letters USING INDEX sqlite_autoindex_dead_letters_1"],
  // Why nothing was created: the first row at all, once the image has been found by its id.
  "conversions.create": ["SCAN images USING COVERING INDEX sqlite_autoindex_images_1"],
  // One user's running jobs.
  "users.deleteAccount": ["USE TEMP B-TREE FOR GROUP BY"],
  // Subjects that wait for the linker, and of some of these the next 500 events together.
  "audit.listWaiting": ["USE TEMP B-TREE FOR ORDER BY"],
  "audit.tails": ["USE TEMP B-TREE FOR ORDER BY"],
  // A few dozen rows: counters, days' sums, migrations.
  "business.read": ["SCAN business_counters", "SCAN provider_spend", "USE TEMP B-TREE FOR GROUP BY"],
  "business.latestMigration": ["SCAN d1_migrations"],
  // Development's inbox: a day's messages, and empty everywhere else.
  "housekeeping.deleteExpired": ["SCAN dev_sms"],
  "devSms.sendOtp": ["SCAN dev_sms"],
  "devSms.list": ["SCAN dev_sms", "USE TEMP B-TREE FOR ORDER BY"],
};

/** By which indexes the rows of a list are found, whatever the filters and the page. */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  "conversions.list": ["conversions_user", "conversions_user_kind", "conversions_user_status"],
  "conversions.listOverdue": ["conversions_active", "conversions_user_status"],
  "conversions.listWakes": ["conversions_active"],
  "images.list": ["images_user", "images_user_kind"],
  "users.list": [
    "sqlite_autoindex_users_1",
    "users_phone_unique",
    "users_role_id",
    "users_role_status_id",
    "users_status_id",
  ],
  "audit.list": ["audit_log_action", "audit_log_actor", "audit_log_user", "sqlite_autoindex_audit_log_1"],
  "calls.listPending": ["provider_calls_pending"],
  "calls.ofConversion": ["provider_calls_conversion"],
  "calls.spend": ["sqlite_autoindex_provider_spend_1"],
  "deadLetters.list": ["sqlite_autoindex_dead_letters_1"],
  "outbox.listDue": ["outbox_due"],
  "smsOutbox.listDue": ["sms_outbox_due"],
  "erasure.next": ["conversions_owner", "images_owner"],
  "retention.removeExpired": ["images_expiry"],
};

const FIRST_INDEX = /^(?:SEARCH|SCAN) \w+ USING (?:COVERING )?INDEX (\w+)/;
const sorted = (values: readonly string[]) => [...new Set(values)].sort();

describe("every statement of every repository", () => {
  const plans = new Map<string, string[]>();
  beforeAll(async () => {
    for (const { name, run } of REPOSITORY_CALLS) plans.set(name, await plansOf(run));
  }, 60_000);

  it("is sent", () => {
    const silent = [...plans].filter(([, sent]) => sent.length === 0).map(([name]) => name);
    expect(silent).toEqual([]);
  });

  it("goes through no large table and sorts nothing that an index has in order", () => {
    const found: [string, string[]][] = [];
    for (const [name, sent] of plans) {
      const steps = sent.flatMap((plan) => plan.split("; "));
      const slow = steps.filter((step) => TABLE_SCAN.test(step) || step.includes("TEMP B-TREE"));
      if (slow.length > 0) found.push([name, sorted(slow)]);
    }
    expect(Object.fromEntries(found)).toEqual(EXCEPTIONS);
  });

  it.each(Object.entries(LISTS))("%s goes by the indexes that are made for it: %s", (name, indexes) => {
    const read = (plans.get(name) ?? []).slice(0, name === "retention.removeExpired" ? 1 : undefined);
    expect(sorted(read.map((plan) => FIRST_INDEX.exec(plan)?.[1] ?? plan))).toEqual(indexes);
  });

  it("finds one thing by its key", () => {
    const finds = [...plans].filter(([name]) => /\.(find|inspect|isRegistered|deletedAt|peek)/.test(name));
    expect(finds.length).toBeGreaterThan(9);
    for (const [name, sent] of finds) {
      for (const step of sent.flatMap((plan) => plan.split("; "))) {
        expect(step, name).toMatch(
          /^SEARCH \w+ USING INDEX (sqlite_autoindex_\w+|users_phone_unique|conversions_user) \(/,
        );
      }
    }
  });
});
