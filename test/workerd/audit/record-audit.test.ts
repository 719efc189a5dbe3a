import { sql } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { auditInsert } from "../../../src/db/d1/repositories/audit.ts";
import { users } from "../../../src/db/d1/schema/index.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { recordFailure } from "../../../src/modules/audit/service/record-failure.ts";
import { db, insertUser } from "../support/database.ts";
import { audit, auditEvent, auditStage, rowsOf } from "./support.ts";

describe("auditInsert", () => {
  it("stores the event unlinked, in the batch of its change", async () => {
    const userId = await insertUser();
    const event = auditEvent(userId);
    await db.batch([
      db.update(users).set({ name: "Ada" }).where(sql`${users.id} = ${userId}`),
      auditInsert(db, event, sql`EXISTS (SELECT 1 FROM ${users} WHERE ${users.id} = ${userId})`),
    ]);
    expect(await rowsOf(userId)).toEqual([
      {
        id: event.id,
        user_id: userId,
        actor_id: userId,
        action: "auth.login",
        outcome: "success",
        session_id: "ses_x",
        ip_prefix: "203.0.113.0/24",
        detail: '{"method":"password","attempt":1}',
        created_at: event.createdAt,
        seq: null,
        salt: null,
        digest: null,
        hash: null,
      },
    ]);
  });

  it("stores nothing when the change was not made", async () => {
    const userId = newId("usr", Date.now());
    const noSuchUser = sql`EXISTS (SELECT 1 FROM ${users} WHERE ${users.id} = ${userId})`;
    await db.batch([auditInsert(db, auditEvent(userId), noSuchUser)]);
    expect(await rowsOf(userId)).toEqual([]);
  });

  it("puts what concerns a phone into its account's log, or under a pseudonym where it has none", async () => {
    const userId = await insertUser();
    const [user] = await db.select({ phone: users.phone }).from(users).where(sql`${users.id} = ${userId}`);
    const pseudonym = `psn_${crypto.randomUUID()}`;
    await auditInsert(db, auditEvent("", { subject: { phone: user?.phone as string, pseudonym } }));
    expect(await rowsOf(pseudonym)).toEqual([]);
    expect(await rowsOf(userId)).toHaveLength(1);
    await auditInsert(db, auditEvent("", { subject: { phone: "+989000000000", pseudonym } }));
    expect(await rowsOf(pseudonym)).toHaveLength(1);
  });
});

describe("recordFailure", () => {
  it("records a failure, once", async () => {
    const userId = await insertUser();
    const { deps } = auditStage();
    const event = auditEvent(userId, { detail: { code: "invalid_credentials" } });
    await recordFailure(deps, event);
    await recordFailure(deps, { ...event, detail: null });
    const rows = await rowsOf(userId);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ outcome: "failure", detail: '{"code":"invalid_credentials"}' });
  });

  it("leaves a recorded success alone: the same request is never both", async () => {
    const userId = await insertUser();
    const event = auditEvent(userId);
    await auditInsert(db, event);
    await recordFailure(auditStage().deps, event);
    expect(await rowsOf(userId)).toMatchObject([{ outcome: "success" }]);
  });

  it("never fails the request it tells of: a record that could not be written is logged", async () => {
    const broken = { ...audit, record: () => Promise.reject(new Error("D1 is away")) };
    const { deps, logged } = auditStage({ audit: broken });
    const event = auditEvent("usr_x");
    await recordFailure(deps, event);
    expect(logged).toMatchObject([{ level: "error", message: "audit event lost", eventId: event.id }]);
  });
});
