import { beforeAll, describe, expect, it } from "vitest";
import { newId } from "../../../src/kernel/ids.ts";
import type { ChainReport } from "../../../src/modules/audit/chain.ts";
import { linkAudit } from "../../../src/modules/audit/service/link-audit.ts";
import { audit, auditEvent, auditStage, execute, insertEvents, recordEvents } from "./support.ts";
import { verifyChain } from "./verify-chain.ts";

// Whoever rewrites the log has the database: triggers don't stop him. This file's database is its own.
beforeAll(async () => {
  const triggers = ["update", "delete", "insert", "insert_linked", "update_place", "update_name"];
  for (const name of triggers) await execute(`DROP TRIGGER audit_log_${name}`);
});

const BUDGET = { budgetMs: 20_000 };

const COLUMNS =
  "id, user_id, actor_id, action, outcome, session_id, ip_prefix, detail, created_at, seq, salt, digest, hash";

/** A linked chain of five. */
async function chained() {
  const userId = newId("usr", Date.now());
  const ids = await recordEvents(userId, 5);
  const stage = auditStage();
  await linkAudit(stage.deps, BUDGET);
  const verify = () => verifyChain(stage.deps, userId);
  expect(await verify()).toMatchObject({ events: 5, problems: [] });
  return { userId, ids, verify, stage, third: ids[2] as string };
}

const namesOf = (report: ChainReport) => report.problems.map(({ id, problem }) => [id, problem]);

describe("verification names the event", () => {
  it.each([
    ["actor_id = 'usr_other'", "digest"],
    ["session_id = 'ses_other'", "digest"],
    ["session_id = NULL", "digest"],
    ["ip_prefix = '198.51.100.0/24'", "digest"],
    ['detail = \'{"method":"otp","attempt":1}\'', "digest"],
    ["detail = NULL", "digest"],
    ["detail = 'no json'", "digest"],
    ["salt = '00000000000000000000000000000000'", "digest"],
    ["salt = NULL", "digest"],
    ["digest = '00'", "hash"],
    ["digest = NULL", "hash"],
    ["hash = '00'", "hash"],
    ["hash = NULL", "hash"],
    ["action = 'auth.logout'", "hash"],
    ["outcome = 'failure'", "hash"],
    ["created_at = created_at + 1", "hash"],
    ["created_at = 'long ago'", "hash"],
    ["seq = 100", "gap"],
    ["seq = 0", "gap"],
    ["seq = 'x'", "gap"],
    ["seq = NULL", "unlinked"],
  ])("that got %s", async (change, problem) => {
    const { third, verify } = await chained();
    await execute(`UPDATE audit_log SET ${change} WHERE id = ?`, third);
    expect(namesOf(await verify())).toContainEqual([third, problem]);
  });

  it("that got another id", async () => {
    const { third, verify } = await chained();
    const id = newId("aud", Date.now());
    await execute("UPDATE audit_log SET id = ? WHERE id = ?", id, third);
    expect(namesOf(await verify())).toEqual([[id, "hash"]]);
  });

  it("after one that was deleted, or moved to another subject", async () => {
    for (const statement of ["DELETE FROM audit_log", "UPDATE audit_log SET user_id = 'usr_other'"]) {
      const { ids, third, verify } = await chained();
      await execute(`${statement} WHERE id = ?`, third);
      expect(namesOf(await verify())).toEqual([[ids[3], "gap"]]);
      await execute("DELETE FROM audit_log WHERE user_id = 'usr_other'");
    }
  });

  it("that was put at the end of the chain as a copy of another", async () => {
    const { userId, ids, verify } = await chained();
    await execute(
      `INSERT INTO audit_log (${COLUMNS}) SELECT 'aud_forged', user_id, actor_id, 'auth.logout', outcome, session_id, ip_prefix,
       detail, created_at, 6, salt, digest, hash FROM audit_log WHERE id = ?`,
      ids[4],
    );
    expect(namesOf(await verify())).toEqual([["aud_forged", "hash"]]);
    expect(await audit.tails([userId], 1)).toMatchObject([{ head: { seq: 6 } }]);
  });

  it("that was unlinked entirely and linked again at the end: the place it left stays empty", async () => {
    const { ids, third, verify } = await chained();
    const change = "action = 'auth.logout', seq = NULL, salt = NULL, digest = NULL, hash = NULL";
    await execute(`UPDATE audit_log SET ${change} WHERE id = ?`, third);
    const report = await verify();
    expect(namesOf(report)).toEqual([[ids[3], "gap"]]);
    expect(report.head?.seq).toBe(6);
  });
});

describe("the end of a chain", () => {
  it("that was cut off is missed by comparing with the last head the linker logged", async () => {
    const { userId, ids, verify, stage } = await chained();
    const logged = stage.logged.filter((line) => line.subjectId === userId).at(-1);
    await execute("DELETE FROM audit_log WHERE id = ?", ids[4]);
    const cut = await verify();
    expect(cut).toMatchObject({ events: 4, problems: [] });
    expect(cut.head).not.toEqual({ seq: logged?.seq, hash: logged?.hash });
    // Filled up again, the same place has another hash than the log says.
    await audit.record(auditEvent(userId));
    const filled = await verify();
    expect(filled).toMatchObject({ events: 5, problems: [], head: { seq: logged?.seq } });
    expect(filled.head?.hash).not.toBe(logged?.hash);
  });
});

it("shows a detail that somebody broke as unreadable instead of failing", async () => {
  const { userId, third } = await chained();
  await execute("UPDATE audit_log SET detail = '{' WHERE id = ?", third);
  const { items } = await audit.list({ subjectId: userId }, { limit: 10, afterKey: null });
  expect(items[2]).toMatchObject({ id: third, detail: { unreadable: true } });
});

it("reports an event the linker can't have missed as unlinked, and one that is just new not", async () => {
  const userId = newId("usr", Date.now());
  const [old] = await recordEvents(userId, 1);
  await recordEvents(userId, 1, { createdAt: Date.now() });
  const { deps } = auditStage({ audit: { ...audit, link: async () => new Set<string>() } });
  expect(namesOf(await verifyChain(deps, userId))).toEqual([[old, "unlinked"]]);
});

it("verifies a long chain, and finds the event in it", { timeout: 60_000 }, async () => {
  const userId = newId("usr", Date.now());
  const { deps } = auditStage();
  await linkAudit(deps, BUDGET);
  await insertEvents(userId, 1_100);
  expect(await linkAudit(deps, BUDGET)).toEqual({ linked: 1_100 });
  expect(await verifyChain(deps, userId)).toMatchObject({ events: 1_100, head: { seq: 1_100 }, problems: [] });
  await execute("UPDATE audit_log SET outcome = 'failure' WHERE user_id = ? AND seq = 1050", userId);
  expect((await verifyChain(deps, userId)).problems).toMatchObject([{ seq: 1_050, problem: "hash" }]);
});
