import { describe, expect, it } from "vitest";
import { newId } from "../../../src/kernel/ids.ts";
import { extendChain } from "../../../src/modules/audit/chain.ts";
import type { ChainExtension } from "../../../src/modules/audit/repository.ts";
import { linkAudit } from "../../../src/modules/audit/service/link-audit.ts";
import { audit, auditEvent, auditStage, execute, insertEvents, recordEvents, rowsOf } from "./support.ts";
import { verifyChain } from "./verify-chain.ts";

const ERASE = "salt = NULL, session_id = NULL, ip_prefix = NULL, detail = NULL";
const BUDGET = { budgetMs: 20_000 };
const newUserId = () => newId("usr", Date.now());

describe("linking", () => {
  it("chains events in order of id, goes on where it ended, and logs each head", async () => {
    const userId = newUserId();
    const ids = await recordEvents(userId, 3);
    const { deps, logged } = auditStage();
    expect(await linkAudit(deps, BUDGET)).toEqual({ linked: 3 });
    ids.push(...(await recordEvents(userId, 2)));
    expect(await linkAudit(deps, BUDGET)).toEqual({ linked: 2 });
    expect(await linkAudit(deps, BUDGET)).toEqual({ linked: 0 });
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
    await linkAudit(deps, BUDGET);
    await audit.record(late);
    await linkAudit(deps, BUDGET);
    expect((await rowsOf(userId)).filter((row) => row.seq === 3).map((row) => row.id)).toEqual([late.id]);
    expect(await verifyChain(deps, userId)).toMatchObject({ events: 3, problems: [] });
  });

  it("links thousands of events in one run, until none waits", { timeout: 60_000 }, async () => {
    const [many, few] = [newUserId(), Array.from({ length: 120 }, newUserId)];
    await insertEvents(many, 2_500);
    for (const userId of few) await insertEvents(userId, 5);
    const { deps } = auditStage();
    expect(await linkAudit(deps, BUDGET)).toEqual({ linked: 3_100 });
    expect(await verifyChain(deps, many)).toMatchObject({ events: 2_500, problems: [] });
    for (const userId of few) expect(await verifyChain(deps, userId)).toMatchObject({ events: 5, problems: [] });
  });

  it("stops when its time is up, between two visits, and leaves the rest to the next run", async () => {
    const subjects = Array.from({ length: 120 }, newUserId);
    for (const userId of subjects) await insertEvents(userId, 1);
    let now = 0;
    // The clock is asked at the beginning, and before each visit.
    const { deps } = auditStage({ clock: { now: () => (now += 1_000) } });
    expect(await linkAudit(deps, { budgetMs: 2_000 })).toEqual({ linked: 50 });
    expect(await linkAudit(deps, { budgetMs: 1_000 })).toEqual({ linked: 0 });
    expect(await linkAudit(deps, BUDGET)).toEqual({ linked: 70 });
  });

  it("begins with whose event has waited longest, and gives everybody a turn before anybody's second", async () => {
    const [flood, ...others] = Array.from({ length: 60 }, newUserId).sort() as [string, ...string[]];
    await insertEvents(flood, 1_200);
    for (const userId of others.toReversed()) await recordEvents(userId, 1);
    const { deps, logged } = auditStage();
    expect(await linkAudit(deps, BUDGET)).toEqual({ linked: 1_259 });
    const turns = logged.map((line) => line.subjectId);
    expect(turns.slice(0, 60)).toEqual([flood, ...others.toReversed()]);
    expect(new Set(turns.slice(60))).toEqual(new Set([flood]));
  });

  it("makes one unbroken chain of twenty linkers at once", { timeout: 60_000 }, async () => {
    const userId = newUserId();
    const ids = await recordEvents(userId, 250);
    const { deps, logged } = auditStage();
    const linkers = Array.from({ length: 20 }, () => linkAudit(deps, BUDGET));
    const more = recordEvents(userId, 20);
    const linked = (await Promise.all(linkers)).reduce((sum, report) => sum + report.linked, 0);
    ids.push(...(await more));
    const rest = await linkAudit(deps, BUDGET);
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
      tails: (ids, limit) => (ids.includes(broken) ? Promise.reject(new Error("no")) : audit.tails(ids, limit)),
    };
    const { deps, logged } = auditStage({ audit: failing });
    expect(await linkAudit(deps, BUDGET)).toEqual({ linked: 1 });
    expect(logged.filter((line) => line.level === "error")).toMatchObject([{ subjectId: broken }]);
    expect(await linkAudit(auditStage().deps, BUDGET)).toEqual({ linked: 1 });
  });
});

describe("a link made of what is true no more", () => {
  async function prepared(count = 3): Promise<ChainExtension> {
    const subjectId = newUserId();
    await recordEvents(subjectId, count);
    const [tail] = await audit.tails([subjectId], 10);
    return { subjectId, head: null, events: await extendChain(null, tail?.unlinked ?? []) };
  }

  const isLinked = async (chain: ChainExtension) => (await audit.link([chain])).has(chain.subjectId);

  it("is refused as a whole when another linker was first, with the same events or others", async () => {
    const chain = await prepared();
    expect(await isLinked({ ...chain, events: chain.events.slice(0, 1) })).toBe(true);
    expect(await isLinked(chain)).toBe(false);
    expect(await isLinked({ ...chain, events: chain.events.slice(1) })).toBe(false);
    expect((await rowsOf(chain.subjectId)).map((row) => row.seq)).toEqual([1, null, null]);
  });

  it("is refused as a whole when an event was erased or renamed meanwhile", async () => {
    for (const change of [
      ERASE,
      `user_id = 'anon_1', actor_id = 'anon_1', ${ERASE}`,
      `actor_id = 'anon_1', ${ERASE}`,
    ]) {
      const chain = await prepared();
      await execute(`UPDATE audit_log SET ${change} WHERE id = ?`, chain.events[1]?.id);
      expect(await isLinked(chain), change).toBe(false);
      expect((await rowsOf(chain.subjectId)).every((row) => row.seq === null)).toBe(true);
    }
  });

  it("is refused when the chain has another head", async () => {
    const chain = await prepared();
    const other = { seq: 7, hash: "00" };
    expect(await isLinked({ ...chain, head: other, events: await extendChain(other, chain.events) })).toBe(false);
    expect(await isLinked(chain)).toBe(true);
    expect(await isLinked(chain)).toBe(false);
  });

  it("is refused alone: other subjects' links of the same statement are made", async () => {
    const [sound, broken, another] = [await prepared(), await prepared(), await prepared()];
    await execute(`UPDATE audit_log SET ${ERASE} WHERE id = ?`, broken.events[2]?.id);
    expect(await audit.link([sound, broken, another])).toEqual(new Set([sound.subjectId, another.subjectId]));
    for (const { subjectId } of [sound, another]) {
      expect((await rowsOf(subjectId)).map((row) => row.seq)).toEqual([1, 2, 3]);
    }
    expect((await rowsOf(broken.subjectId)).map((row) => row.seq)).toEqual([null, null, null]);
  });
});

describe("an erased account", () => {
  it("keeps a trail that verifies under its pseudonym, also for what was not linked yet", async () => {
    const userId = newUserId();
    await recordEvents(userId, 3);
    const { deps } = auditStage();
    await linkAudit(deps, BUDGET);
    await recordEvents(userId, 2);
    const pseudonym = `anon_${userId}`;
    await execute(`UPDATE audit_log SET user_id = ?1, actor_id = ?1, ${ERASE} WHERE user_id = ?2`, pseudonym, userId);
    expect(await rowsOf(userId)).toEqual([]);
    await linkAudit(deps, BUDGET);
    expect(await verifyChain(deps, pseudonym)).toMatchObject({ events: 5, head: { seq: 5 }, problems: [] });
    expect(JSON.stringify(await rowsOf(pseudonym))).not.toContain("203.0.113");
  });
});
