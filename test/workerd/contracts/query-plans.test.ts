import { sql } from "drizzle-orm";
import { expect, it } from "vitest";
import type { Database } from "../../../src/db/d1/atomic.ts";
import { deleteAccount } from "../../../src/db/d1/repositories/account-deletion.ts";
import { createD1AccountErasure } from "../../../src/db/d1/repositories/account-erasure.ts";
import { createD1AuditRepository } from "../../../src/db/d1/repositories/audit.ts";
import { createD1BusinessMetrics } from "../../../src/db/d1/repositories/business-metrics.ts";
import { createD1ConversionRepository } from "../../../src/db/d1/repositories/conversions.ts";
import { createD1DeadLetters } from "../../../src/db/d1/repositories/dead-letters.ts";
import { createD1Housekeeping } from "../../../src/db/d1/repositories/housekeeping.ts";
import { createD1ImageRepository } from "../../../src/db/d1/repositories/images.ts";
import { createD1Orphans } from "../../../src/db/d1/repositories/orphans.ts";
import { createD1ProviderCalls } from "../../../src/db/d1/repositories/provider-calls.ts";
import { createD1Retention } from "../../../src/db/d1/repositories/retention.ts";
import { createD1StageTimings } from "../../../src/db/d1/repositories/stage-timings.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { resultKeys } from "../../../src/modules/conversions/conversion.ts";
import { imageKeys, objectKeys } from "../../../src/modules/images/object-keys.ts";
import { conversionInput, createConditions, newConversion } from "../../factories.ts";
import { insertImage, insertUser } from "../support/database.ts";
import { plansOf, TABLE_SCAN } from "../support/query-plans.ts";

/** A quota of none, found out when the pictures are in. */
async function refusedCreate(db: Database): Promise<void> {
  const userId = await insertUser();
  const id = newId("img", 1);
  const key = `images/${userId}/${id}`;
  const size = { bytes: 1, width: 1, height: 1, sha256: "00" };
  const keys = { originalKey: `${key}/original`, thumbnailKey: `${key}/thumbnail` };
  const image = { id, userId, kind: "person", mime: "image/png", ...size, ...keys, createdAt: 1 } as const;
  const conditions = createConditions(1, { newImages: [image], defaultMonthlyUnits: 0 });
  const conversion = newConversion(userId, conversionInput(id));
  expect(await createD1ConversionRepository(db).create(conversion, conditions)).toEqual({ kind: "quota_exceeded" });
}

async function refusedReplay(db: Database): Promise<void> {
  const userId = await insertUser();
  const conversion = newConversion(userId, conversionInput("i"));
  const conditions = createConditions(1, { replay: { deadLetterId: "d", adminId: "a" } });
  expect(await createD1ConversionRepository(db).create(conversion, conditions)).toEqual({ kind: "not_admin" });
}

async function removedExpired(db: Database): Promise<void> {
  await insertImage(await insertUser(), { expiresAt: 1 });
  const options = { now: 1, limit: 10, postponeTo: 2, outboxId: newId("obx", 1) };
  expect(await createD1Retention(db).removeExpired(options)).toMatchObject({ removed: 1 });
}

const CALL = {
  id: "p",
  conversionId: "c",
  attempt: 1,
  provider: "gemini",
  model: "m",
  expectedMicros: 1,
  startedAt: 1,
} as const;
const LETTER = {
  id: "l",
  queue: "q",
  messageId: "m",
  conversionId: null,
  body: "{}",
  attempts: 1,
  outcome: "unreadable",
  receivedAt: 1,
} as const;
const SETTLED = { outcome: "success", usage: null, free: false, endedAt: 1 } as const;
const ORPHAN_KEYS = [
  ...objectKeys(imageKeys(newId("usr", 1), newId("img", 1))),
  ...Object.values(resultKeys(newId("cnv", 1))),
];

const erasure = (db: Database) => createD1AccountErasure(db);
const NAMES = { promiseId: "o", pseudonym: "anon_x", aliases: ["phn_x"], until: 1 };
const RECORDED = { sessionId: null, ipPrefix: null, detail: null, createdAt: 1 } as const;
const DELETION = {
  userId: "u",
  event: { id: "a", subject: { userId: "u" }, actorId: "u", action: "user.delete", outcome: "success", ...RECORDED },
  sessionsPromiseId: "s",
  erasePromiseId: "e",
  aliases: [],
  now: 1,
} as const;

it.each([
  ["finding what is left of an account", (db) => erasure(db).next("u", 10)],
  [
    "erasing rows and what refers to them",
    (db) => erasure(db).eraseRows("u", { conversionIds: ["c"], imageIds: ["i"], objectKeys: [] }),
  ],
  ["taking a person out of the log", (db) => erasure(db).anonymizeAudit("u", NAMES, 500)],
  ["erasing the empty account", (db) => erasure(db).eraseAccount("u")],
  ["deleting an account", (db) => deleteAccount(db, DELETION)],
  ["a create with pictures that is refused", refusedCreate],
  ["a replay that is refused", refusedReplay],
  ["beginning a call of a provider", (db) => createD1ProviderCalls(db).begin({ ...CALL, budgetMicros: 1 })],
  ["recording a dead letter", (db) => createD1DeadLetters(db).record(LETTER)],
  ["ending a conversion", (db) => createD1ConversionRepository(db).expire("c", 1)],
  ["settling a call of a provider", (db) => createD1ProviderCalls(db).settle("p", SETTLED)],
  ["removing expired images", removedExpired],
  ["telling which objects are orphans", (db) => createD1Orphans(db).judge([...ORPHAN_KEYS])],
] as [string, (db: Database) => Promise<unknown>][])(
  "%s goes through no table, for foreign keys or otherwise",
  async (_what, work) => {
    const plans = await plansOf(work);
    expect(plans.length).toBeGreaterThan(1);
    for (const plan of plans) expect(plan).not.toMatch(TABLE_SCAN);
  },
);

const page = { limit: 20, afterKey: "cnv_x" };

it.each([
  ["one conversion", (db) => createD1ConversionRepository(db).find("u", "c")],
  ["a list of conversions", (db) => createD1ConversionRepository(db).list("u", { status: null, kind: null }, page)],
  ["a list by status", (db) => createD1ConversionRepository(db).list("u", { status: "queued", kind: null }, page)],
  ["a list by kind", (db) => createD1ConversionRepository(db).list("u", { status: null, kind: "style" }, page)],
  ["a user's overdue conversions", (db) => createD1ConversionRepository(db).listOverdue("u", 1, 10)],
  ["all overdue conversions", (db) => createD1ConversionRepository(db).listOverdue(null, 1, 10)],
  ["conversions to wake", (db) => createD1ConversionRepository(db).listWakes(1, 10)],
  ["a list of images", (db) => createD1ImageRepository(db).list("u", null, { limit: 20, afterKey: "img_x" })],
  ["a list of images by kind", (db) => createD1ImageRepository(db).list("u", "person", { limit: 20, afterKey: null })],
  ["dead letters", (db) => createD1DeadLetters(db).list({ limit: 20, afterKey: "dlt_x" })],
  ["a conversion's calls", (db) => createD1ProviderCalls(db).ofConversion("c")],
  ["costs by day", (db) => createD1ProviderCalls(db).spend({ fromDay: "2026-01-01", toDay: "2026-02-01" }, 10)],
  ["stage timings", (db) => createD1StageTimings(db).find("style", "local")],
  [
    "a subject's audit log",
    (db) => createD1AuditRepository(db).list({ subjectId: "u" }, { limit: 20, afterKey: null }),
  ],
] as [string, (db: Database) => Promise<unknown>][])(
  "reads %s by an index, whatever the table's size",
  async (_what, work) => {
    const plans = await plansOf(work);
    expect(plans.length).toBeGreaterThan(0);
    for (const plan of plans) {
      expect(plan).not.toMatch(TABLE_SCAN);
      expect(plan).not.toContain("TEMP B-TREE FOR ORDER BY");
    }
  },
);

const chains = [{ subjectId: "u", head: null, events: [] }];

it.each([
  ["finding subjects to link", "audit_log_unlinked (user_id>?)", (db) => createD1AuditRepository(db).listWaiting(10)],
  ["the ends of chains", "audit_log_chain (user_id=? AND seq", (db) => createD1AuditRepository(db).tails(["u"], 10)],
  ["events to link", "audit_log_unlinked (user_id=?", (db) => createD1AuditRepository(db).tails(["u"], 10)],
  ["linking", "audit_log_chain (user_id=? AND seq", (db) => createD1AuditRepository(db).link(chains)],
  [
    "strangers' events",
    "audit_log_strangers (created_at<?)",
    (db) => createD1AuditRepository(db).stripStrangers(1, 10),
  ],
] as [string, string, (db: Database) => Promise<unknown>][])(
  "%s takes the index that holds just these: %s",
  async (_what, index, work) => {
    const plans = await plansOf(work);
    for (const plan of plans) expect(plan).not.toMatch(TABLE_SCAN);
    expect(plans.join("; ")).toContain(index);
  },
);

it("housekeeping finds old records of operations by their age", async () => {
  const plans = (await plansOf((db) => createD1Housekeeping(db).deleteExpired(Date.now()))).join("; ");
  expect(plans).toContain("provider_calls_started (started_at<?)");
  expect(plans).toContain("dead_letters_received (received_at<?)");
  expect(plans).not.toMatch(/SCAN (provider_calls|dead_letters)/);
});

it("a scrape reads by indexes, but for the few rows of counters and of days' sums", async () => {
  const plans = await plansOf((db) => createD1BusinessMetrics(db).read(1));
  expect(plans).toHaveLength(6);
  expect(plans.filter((plan) => TABLE_SCAN.test(plan)).map((plan) => plan.split(";")[0])).toEqual([
    "SCAN business_counters",
    "SCAN provider_spend",
  ]);
  const all = plans.join("; ");
  expect(all).toContain("SCAN conversions USING INDEX conversions_active;");
  expect(all).toContain("conversions_active (wake_at<?)");
  expect(all).toContain("outbox_due (due_at<?)");
  expect(all).toContain("provider_spend USING INDEX sqlite_autoindex_provider_spend_1 (day=?)");
});

it("expired images are found by their time, the earliest first", async () => {
  const [plan] = await plansOf(removedExpired);
  expect(plan).toBe("SEARCH images USING INDEX images_expiry (expires_at<?)");
});

it("the trigger that keeps a place in a chain from being taken twice looks at that place alone", async () => {
  const taken = "SELECT 1 FROM audit_log WHERE user_id = 'u' AND seq = 1 AND id <> 'a'";
  const plans = await plansOf((db) => db.run(sql.raw(taken)));
  expect(plans).toEqual(["SEARCH audit_log USING INDEX audit_log_chain (user_id=? AND seq=?)"]);
});

it("searches the audit log by the index of the narrowest filter, in its order, whatever the others are", async () => {
  const filters = { subjectId: "u", actorId: "a", action: "auth.login", outcome: "failure", from: 1, to: 2 } as const;
  const names = Object.keys(filters) as (keyof typeof filters)[];
  const indexes = { subjectId: "audit_log_user", actorId: "audit_log_actor", action: "audit_log_action" } as const;
  for (let set = 0; set < 2 ** names.length; set++) {
    const chosen = names.filter((_, i) => set & (1 << i));
    const filter = Object.fromEntries(chosen.map((name) => [name, filters[name]]));
    const first = (["subjectId", "actorId", "action"] as const).find((name) => chosen.includes(name));
    const index = first === undefined ? "sqlite_autoindex_audit_log_1" : indexes[first];
    for (const afterKey of [null, "aud_x"]) {
      const plans = await plansOf((db) => createD1AuditRepository(db).list(filter, { limit: 20, afterKey }));
      expect(plans, chosen.join()).toEqual([
        expect.stringMatching(new RegExp(`^SEARCH audit_log USING INDEX ${index} `)),
      ]);
      expect(plans[0]).not.toContain("TEMP B-TREE");
    }
  }
});
