import { eq } from "drizzle-orm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createD1AccountErasure } from "../../../src/db/d1/repositories/account-erasure.ts";
import { auditLog, outbox, quotaGrants, users } from "../../../src/db/d1/schema/index.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { linkAudit } from "../../../src/modules/audit/jobs.ts";
import { linkSubjects } from "../../../src/modules/audit/service/link-subjects.ts";
import { sweepErasures } from "../../../src/modules/users/jobs.ts";
import { auditStage, insertEvents, recordEvents, rowsOf } from "../audit/support.ts";
import { verifyChain } from "../audit/verify-chain.ts";
import { withServices } from "../support/auth.ts";
import { bindings, db, insertUser } from "../support/database.ts";

const erasure = createD1AccountErasure(db);
const { deps } = auditStage();
const linkAll = () => linkAudit(deps, { budgetMs: 20_000 });

/** A user whose erasure is promised. */
async function promised(aliases: readonly string[] = []) {
  const userId = await insertUser();
  const promiseId = newId("obx", Date.now());
  const payload = { userId, aliases };
  await db.insert(outbox).values({ id: promiseId, topic: "account.erase", payload, dueAt: 0, createdAt: 0 });
  /** What one run does next; each has a pseudonym of its own to offer. */
  const step = (limit: number) => {
    const names = { promiseId, pseudonym: newId("anon", Date.now()), aliases, until: Date.now() };
    return erasure.anonymizeAudit(userId, names, limit);
  };
  const finish = async (limit: number) => {
    while ((await step(limit)) > 0);
  };
  return { userId, promiseId, step, finish };
}

/** The chains that these events are in, by name. */
async function chainsOf(ids: readonly string[]) {
  const rows = await db.select().from(auditLog);
  return Map.groupBy(
    rows.filter(({ id }) => ids.includes(id)),
    ({ userId }) => userId,
  );
}

/** After everything: nothing names the user, no event is lost, and every chain holds. */
async function expectErased(userId: string, ids: readonly string[]): Promise<string[]> {
  expect(await rowsOf(userId)).toEqual([]);
  const chains = await chainsOf(ids);
  expect([...chains.values()].flat()).toHaveLength(ids.length);
  for (const [name, rows] of chains) {
    expect(name).toMatch(/^anon_/);
    for (const row of rows) expect(row).toMatchObject({ actorId: name, sessionId: null, ipPrefix: null, detail: null });
    expect(await verifyChain(deps, name)).toMatchObject({ events: rows.length, problems: [] });
  }
  return [...chains.keys()];
}

describe("the log of an account is erased bit by bit", () => {
  it("under one pseudonym, over any number of runs, while a linker goes on with what comes late", async () => {
    const { userId, step, finish } = await promised();
    const ids = await recordEvents(userId, 10);
    await linkAll();
    expect(await step(4)).toBe(4);
    ids.push(...(await recordEvents(userId, 3)));
    await linkAll();
    expect(await step(4)).toBe(4);
    ids.push(...(await recordEvents(userId, 2)));
    await finish(4);
    // These are in no chain when they go, and are linked behind the one that is there.
    ids.push(...(await recordEvents(userId, 1)));
    await finish(4);
    await linkAll();
    expect(await expectErased(userId, ids)).toHaveLength(1);
  });

  it("under another pseudonym only what is linked anew under the old name, when the chain is gone", async () => {
    const { userId, step, finish } = await promised();
    const ids = await recordEvents(userId, 3);
    await linkAll();
    await finish(2);
    const late = await recordEvents(userId, 4);
    await linkAll();
    await step(2);
    late.push(...(await recordEvents(userId, 1)));
    await linkAll();
    await finish(2);
    const [first, second] = [await chainsOf(ids), await chainsOf(late)];
    expect([first.size, second.size]).toEqual([1, 1]);
    expect(await expectErased(userId, [...ids, ...late])).toHaveLength(2);
  });

  it("under another pseudonym what is linked under the old name while the rest, unlinked, has gone ahead", async () => {
    const { userId, step, finish } = await promised();
    const ids = await recordEvents(userId, 6);
    await step(2);
    await linkSubjects(deps, [userId], 10);
    await step(2);
    await linkAll();
    await finish(2);
    expect(await expectErased(userId, ids)).toHaveLength(2);
  });

  it("with chains that hold, whatever a linker and other runs do in between", { timeout: 120_000 }, async () => {
    const act = fc.constantFrom("record", "record", "link", "link all", "step", "two steps", "step and link");
    await fc.assert(
      fc.asyncProperty(fc.nat(9), fc.boolean(), fc.array(act, { maxLength: 24 }), async (before, linked, acts) => {
        const { userId, step, finish } = await promised();
        const ids = await recordEvents(userId, before);
        if (linked) await linkAll();
        for (const what of acts) {
          const link = () => linkSubjects(deps, [userId], 2);
          if (what === "record") ids.push(...(await recordEvents(userId, 2)));
          if (what === "link") await link();
          if (what === "link all") await linkAll();
          if (what === "step") await step(3);
          if (what === "two steps") await Promise.all([step(3), step(2)]);
          if (what === "step and link") await Promise.all([step(3), link(), linkAll(), step(1)]);
        }
        await finish(3);
        await linkAll();
        await expectErased(userId, ids);
      }),
      { numRuns: 40 },
    );
  });

  it("by several runs at once like by one", async () => {
    const { userId, finish } = await promised();
    const ids = await recordEvents(userId, 40);
    await linkAll();
    await Promise.all([finish(3), finish(5), finish(7), linkAll()]);
    expect(await expectErased(userId, ids)).toHaveLength(1);
  });

  it("and not at all once its promise is kept", async () => {
    const { userId, promiseId, step } = await promised();
    await recordEvents(userId, 2);
    await db.delete(outbox).where(eq(outbox.id, promiseId));
    expect(await step(10)).toBe(0);
    expect(await rowsOf(userId)).toHaveLength(2);
  });
});

it("what an admin did to others is under the pseudonym too, bit by bit, with the grants", async () => {
  const { userId, finish } = await promised();
  const other = await insertUser();
  await recordEvents(other, 2);
  await recordEvents(other, 5, { actorId: userId, action: "admin.disable" });
  await linkAll();
  await recordEvents(other, 2, { actorId: userId, action: "admin.enable" });
  const grant = { userId: other, period: "2026-11", units: 1, grantedBy: userId, reason: null, createdAt: 1 };
  for (let i = 0; i < 3; i++) await db.insert(quotaGrants).values({ ...grant, id: newId("grt", i) });
  await finish(2);
  await linkAll();
  const rows = await rowsOf(other);
  const pseudonyms = new Set(rows.slice(2).map((row) => row.actor_id));
  expect([...pseudonyms]).toEqual([expect.stringMatching(/^anon_/)]);
  expect(rows.slice(0, 2).map((row) => row.actor_id)).toEqual([other, other]);
  const grants = await db.select().from(quotaGrants).where(eq(quotaGrants.userId, other));
  expect(new Set(grants.map(({ grantedBy }) => grantedBy))).toEqual(pseudonyms);
  expect(await verifyChain(deps, other)).toMatchObject({ events: 9, problems: [] });
});

it("what the log has under a name of the phone is stripped bit by bit, up to the deletion", async () => {
  const { finish } = await promised(["phn_late", "phn_early"]);
  await recordEvents("phn_early", 5);
  await linkAll();
  await recordEvents("phn_late", 2);
  await recordEvents("phn_late", 1, { createdAt: Date.now() + 60_000 });
  await finish(2);
  for (const row of await rowsOf("phn_early")) expect(row).toMatchObject({ ip_prefix: null, detail: null, salt: null });
  expect((await rowsOf("phn_late")).map((row) => row.ip_prefix)).toEqual([null, null, "203.0.113.0/24"]);
});

it("an account of more events than a run takes is erased by the next ones", { timeout: 120_000 }, async () => {
  await db.delete(outbox);
  const { userId, promiseId } = await promised();
  await insertEvents(userId, 13_000);
  await linkAll();
  await db.update(users).set({ status: "deleted", updatedAt: 1 }).where(eq(users.id, userId));
  const sweep = () => withServices((services) => sweepErasures(services));
  const left = async () => {
    const count = bindings.DB.prepare("SELECT count(*) AS n FROM audit_log WHERE user_id = ?").bind(userId);
    const promises = await db.select().from(outbox).where(eq(outbox.id, promiseId));
    return [await count.first("n"), promises.length];
  };
  await sweep();
  expect(await left()).toEqual([500, 1]);
  await sweep();
  expect(await left()).toEqual([0, 0]);
  const name = await bindings.DB.prepare("SELECT user_id FROM audit_log WHERE id LIKE ?")
    .bind(`%_${userId}`)
    .first("user_id");
  expect(await verifyChain(deps, `${name}`)).toMatchObject({ events: 13_000, problems: [] });
  expect(await db.select().from(users).where(eq(users.id, userId))).toEqual([]);
});
