import { describe, expect, it } from "vitest";
import { newId } from "../../../src/kernel/ids.ts";
import { extendChain } from "../../../src/modules/audit/chain.ts";
import { linkAudit } from "../../../src/modules/audit/service/link-audit.ts";
import { verifyChain } from "../../../src/modules/audit/service/verify-chain.ts";
import { insertUser } from "../support/database.ts";
import { audit, auditEvent, auditStage, execute, recordEvents, rowsOf } from "./support.ts";

const ERASE = "salt = NULL, session_id = NULL, ip_prefix = NULL, detail = NULL";
const newUserId = () => newId("usr", Date.now());

describe("linking", () => {
  it("chains events in order of id, goes on where it ended, and logs each head", async () => {
    const userId = newUserId();
    const ids = await recordEvents(userId, 3);
    const { deps, logged } = auditStage();
    expect(await linkAudit(deps, { limit: 100 })).toEqual({ linked: 3 });
    ids.push(...(await recordEvents(userId, 2)));
    expect(await linkAudit(deps, { limit: 100 })).toEqual({ linked: 2 });
    expect(await linkAudit(deps, { limit: 100 })).toEqual({ linked: 0 });
    const rows = await rowsOf(userId);
    expect(rows.map((row) => [row.id, row.seq])).toEqual(ids.map((id, i) => [id, i + 1]));
    const report = await verifyChain(deps, userId);
    expect(report).toEqual({ events: 5, head: { seq: 5, hash: rows[4]?.hash }, problems: [] });
    expect(logged).toEqual(
      [2, 4].map((i) => ({
        level: "info",
        message: "audit chain extended",
        subjectId: userId,
        seq: i + 1,
        hash: rows[i]?.hash,
      })),
    );
    expect(new Set(rows.map((row) => row.salt)).size).toBe(5);
    expect(rows[0]?.salt).toMatch(/^[0-9a-f]{32}$/);
  });

  it("takes an event that comes late, with a smaller id than a linked one, as the next", async () => {
    const userId = newUserId();
    const late = auditEvent(userId);
    await recordEvents(userId, 2);
    const { deps } = auditStage();
    await linkAudit(deps, { limit: 100 });
    await audit.record(late);
    await linkAudit(deps, { limit: 100 });
    expect((await audit.chain(userId, 2, 10)).map((event) => event.id)).toEqual([late.id]);
    expect(await verifyChain(deps, userId)).toMatchObject({ events: 3, problems: [] });
  });

  it("stays below its limit over all subjects and leaves the rest to the next run", async () => {
    const { deps } = auditStage();
    const subjects = [newUserId(), newUserId(), newUserId()];
    for (const userId of subjects) await recordEvents(userId, 4);
    const runs = [];
    for (let i = 0; i < 4; i++) runs.push((await linkAudit(deps, { limit: 5 })).linked);
    expect(runs).toEqual([5, 5, 2, 0]);
    for (const userId of subjects) expect(await verifyChain(deps, userId)).toMatchObject({ events: 4, problems: [] });
  });

  it("makes one unbroken chain of twenty linkers at once", { timeout: 60_000 }, async () => {
    const userId = newUserId();
    const ids = await recordEvents(userId, 250);
    const { deps, logged } = auditStage();
    const linkers = Array.from({ length: 20 }, () => linkAudit(deps, { limit: 1_000 }));
    const more = recordEvents(userId, 20);
    const linked = (await Promise.all(linkers)).reduce((sum, report) => sum + report.linked, 0);
    ids.push(...(await more));
    const rest = await linkAudit(deps, { limit: 1_000 });
    expect(linked + rest.linked).toBe(ids.length);
    const rows = await rowsOf(userId);
    expect(rows.map((row) => row.seq).sort((a, b) => Number(a) - Number(b))).toEqual(ids.map((_, i) => i + 1));
    expect(await verifyChain(deps, userId)).toMatchObject({ events: ids.length, problems: [] });
    // One winner for each place: no head was logged twice.
    const heads = logged.filter((line) => line.message === "audit chain extended").map((line) => line.seq);
    expect(new Set(heads).size).toBe(heads.length);
  });

  it("goes on with the others when one subject's chain can't be extended, and says so", async () => {
    const [broken, sound] = [newUserId(), newUserId()];
    await recordEvents(broken, 1);
    await recordEvents(sound, 1);
    const failing: typeof audit = {
      ...audit,
      tail: (subject, limit) => (subject === broken ? Promise.reject(new Error("no")) : audit.tail(subject, limit)),
    };
    const { deps, logged } = auditStage({ audit: failing });
    expect(await linkAudit(deps, { limit: 100 })).toEqual({ linked: 1 });
    expect(logged).toContainEqual(expect.objectContaining({ level: "error", subjectId: broken }));
    expect(await linkAudit(auditStage().deps, { limit: 100 })).toEqual({ linked: 1 });
  });
});

describe("a link made of what is true no more", () => {
  async function prepared(count = 3) {
    const userId = newUserId();
    await recordEvents(userId, count);
    const { head, unlinked } = await audit.tail(userId, 10);
    return { userId, head, events: await extendChain(head, unlinked) };
  }

  it("is refused as a whole when another linker was first, with the same events or others", async () => {
    const { userId, head, events } = await prepared();
    expect(await audit.link(userId, head, events.slice(0, 1))).toBe(true);
    expect(await audit.link(userId, head, events)).toBe(false);
    expect(await audit.link(userId, head, events.slice(1))).toBe(false);
    expect((await rowsOf(userId)).map((row) => row.seq)).toEqual([1, null, null]);
  });

  it("is refused as a whole when an event was erased or renamed meanwhile", async () => {
    for (const change of [ERASE, `user_id = 'psn_1', actor_id = 'psn_1', ${ERASE}`, `actor_id = 'psn_1', ${ERASE}`]) {
      const { userId, head, events } = await prepared();
      await execute(`UPDATE audit_log SET ${change} WHERE id = ?`, events[1]?.id);
      expect(await audit.link(userId, head, events), change).toBe(false);
      expect((await rowsOf(userId)).every((row) => row.seq === null)).toBe(true);
    }
  });

  it("is refused when the chain has another head", async () => {
    const { userId, head, events } = await prepared();
    const other = { seq: 7, hash: "00" };
    expect(await audit.link(userId, other, await extendChain(other, events))).toBe(false);
    expect(await audit.link(userId, head, events)).toBe(true);
    expect(await audit.link(userId, null, events)).toBe(false);
  });
});

describe("an erased account", () => {
  it("keeps a trail that verifies under its pseudonym, also for what was not linked yet", async () => {
    const userId = newUserId();
    await recordEvents(userId, 3);
    const { deps } = auditStage();
    await linkAudit(deps, { limit: 100 });
    await recordEvents(userId, 2);
    const pseudonym = `psn_${userId}`;
    await execute(`UPDATE audit_log SET user_id = ?1, actor_id = ?1, ${ERASE} WHERE user_id = ?2`, pseudonym, userId);
    expect(await rowsOf(userId)).toEqual([]);
    await linkAudit(deps, { limit: 100 });
    expect(await verifyChain(deps, pseudonym)).toMatchObject({ events: 5, head: { seq: 5 }, problems: [] });
    expect(JSON.stringify(await rowsOf(pseudonym))).not.toContain("203.0.113");
  });
});

describe("the table's triggers", () => {
  it.each([
    "action = 'auth.logout'",
    "outcome = 'failure'",
    "created_at = created_at + 1",
    "id = 'aud_other'",
    "hash = '00'",
    "digest = '00'",
    "seq = seq + 1",
    "seq = NULL, salt = NULL, digest = NULL, hash = NULL",
    "salt = '00'",
    "detail = '{}'",
    "user_id = 'usr_other'",
    "session_id = NULL",
  ])("refuse to set %s on a linked event", async (change) => {
    const userId = await insertUser();
    const [id] = await recordEvents(userId, 1);
    await linkAudit(auditStage().deps, { limit: 100 });
    await expect(execute(`UPDATE audit_log SET ${change} WHERE id = ?`, id)).rejects.toThrow("append-only");
  });

  it("refuse to delete, and to change an event before it is linked", async () => {
    const userId = await insertUser();
    const [id] = await recordEvents(userId, 1);
    await expect(execute("DELETE FROM audit_log WHERE id = ?", id)).rejects.toThrow("append-only");
    const change = "UPDATE audit_log SET actor_id = 'usr_other' WHERE id = ?";
    await expect(execute(change, id)).rejects.toThrow("append-only");
    await linkAudit(auditStage().deps, { limit: 100 });
    await expect(execute("DELETE FROM audit_log WHERE id = ?", id)).rejects.toThrow("append-only");
  });
});
