import { eq } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { auditInsert } from "../../../src/db/d1/repositories/audit.ts";
import { users } from "../../../src/db/d1/schema/index.ts";
import { linkAudit } from "../../../src/modules/audit/jobs.ts";
import { db, insertUser } from "../support/database.ts";
import { auditEvent, auditStage, execute, recordEvents, rowsOf } from "./support.ts";

const link = () => linkAudit(auditStage().deps, { budgetMs: 20_000 });

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
    await link();
    await expect(execute(`UPDATE audit_log SET ${change} WHERE id = ?`, id)).rejects.toThrow("append-only");
  });

  it("refuse to delete, and to change an event before it is linked", async () => {
    const userId = await insertUser();
    const [id] = await recordEvents(userId, 1);
    await expect(execute("DELETE FROM audit_log WHERE id = ?", id)).rejects.toThrow("append-only");
    const change = "UPDATE audit_log SET actor_id = 'usr_other' WHERE id = ?";
    await expect(execute(change, id)).rejects.toThrow("append-only");
    await link();
    await expect(execute("DELETE FROM audit_log WHERE id = ?", id)).rejects.toThrow("append-only");
  });
});

/** Two events of a user's, linked as the test says, and the attempt to get rid of one without deleting it. */
async function attempt(linked: "linked" | "unlinked", statement: (ids: readonly [string, string]) => string) {
  const userId = await insertUser();
  const ids = (await recordEvents(userId, 2)) as [string, string];
  if (linked === "linked") await link();
  const before = await rowsOf(userId);
  await expect(execute(statement(ids))).rejects.toThrow("append-only");
  expect(await rowsOf(userId)).toEqual(before);
}

const COLUMNS = "id, user_id, actor_id, action, outcome, created_at";
const ERASED = "salt = NULL, session_id = NULL, ip_prefix = NULL, detail = NULL";
const copy = (values: string, id: string, columns = COLUMNS) =>
  `INTO audit_log (${columns}) SELECT ${values} FROM audit_log WHERE id = '${id}'`;

describe("REPLACE, which fires no delete trigger,", () => {
  describe.each(["linked", "unlinked"] as const)("leaves %s events alone", (linked) => {
    it.each(["INSERT OR REPLACE", "REPLACE", "INSERT", "INSERT OR IGNORE"])(
      "%s with the id of one is refused",
      (verb) =>
        attempt(linked, ([id]) => `${verb} ${copy("id, user_id, actor_id, 'auth.logout', outcome, created_at", id)}`),
    );

    it("an upsert is refused", () =>
      attempt(linked, ([id]) => {
        const values = "id, user_id, actor_id, action, outcome, created_at";
        return `INSERT ${copy(values, `${id}' AND '1`)} ON CONFLICT (id) DO UPDATE SET outcome = 'failure'`;
      }));

    it("INSERT OR REPLACE with the rowid of one is refused", () =>
      attempt(linked, ([id]) => {
        const values = "rowid, 'aud_forged', user_id, actor_id, action, outcome, created_at";
        return `INSERT OR REPLACE ${copy(values, id, `rowid, ${COLUMNS}`)}`;
      }));

    it("UPDATE OR REPLACE to the rowid of one is refused, disguised as an erasure too", () =>
      attempt(linked, ([id, other]) => {
        const rowid = `(SELECT rowid FROM audit_log WHERE id = '${other}')`;
        return `UPDATE OR REPLACE audit_log SET rowid = ${rowid}, ${ERASED} WHERE id = '${id}'`;
      }));
  });

  it("INSERT OR REPLACE at the place of one is refused", () =>
    attempt("linked", ([id]) => {
      const values = "'aud_forged', user_id, actor_id, action, outcome, created_at, seq, salt, digest, hash";
      return `INSERT OR REPLACE ${copy(values, id, `${COLUMNS}, seq, salt, digest, hash`)}`;
    }));

  it.each(["UPDATE OR REPLACE", "UPDATE OR IGNORE", "UPDATE"])("%s can't link one at another's place", async (verb) => {
    const userId = await insertUser();
    await recordEvents(userId, 1);
    await link();
    const [late] = await recordEvents(userId, 1);
    const before = await rowsOf(userId);
    const forged = `${verb} audit_log SET seq = 1, salt = '00', digest = '00', hash = '00' WHERE id = ?`;
    await expect(execute(forged, late)).rejects.toThrow("append-only");
    expect(await rowsOf(userId)).toEqual(before);
  });

  it("UPDATE OR REPLACE can't rename one to another subject's place", async () => {
    const userId = await insertUser();
    const victim = `anon_${userId}`;
    await recordEvents(victim, 1);
    await recordEvents(userId, 1);
    await link();
    const before = await rowsOf(victim);
    const rename = `UPDATE OR REPLACE audit_log SET user_id = ?, ${ERASED} WHERE user_id = ?`;
    await expect(execute(rename, victim, userId)).rejects.toThrow("append-only");
    expect(await rowsOf(victim)).toEqual(before);
  });
});

it.each(["user_id", "actor_id"])("an erasure gives an event no %s but a pseudonym", async (column) => {
  const [userId, other] = [await insertUser(), await insertUser()];
  const [id] = await recordEvents(userId, 1);
  const rename = `UPDATE audit_log SET ${column} = ?, ${ERASED} WHERE id = ?`;
  for (const linked of [false, true]) {
    if (linked) await link();
    const before = await rowsOf(userId);
    for (const name of [other, "anonymous", ""]) await expect(execute(rename, name, id)).rejects.toThrow("append-only");
    expect(await rowsOf(userId)).toEqual(before);
  }
  expect(await execute(rename, `anon_${userId}`, id)).toBe(1);
});

it.each(["seq", "salt", "digest", "hash"])("an event comes without %s: the linker alone links", async (column) => {
  const userId = await insertUser();
  const statement = `INSERT INTO audit_log (${COLUMNS}, ${column}) VALUES ('aud_forged', ?1, ?1, 'auth.login', 'success', 1, 1)`;
  await expect(execute(statement, userId)).rejects.toThrow("append-only");
  expect(await rowsOf(userId)).toEqual([]);
});

it("a change whose event could not be recorded, since its id is taken, is not made", async () => {
  const userId = await insertUser();
  const event = auditEvent(userId, { outcome: "failure" });
  await auditInsert(db, event);
  const change = db.update(users).set({ name: "Ada" }).where(eq(users.id, userId));
  await expect(db.batch([change, auditInsert(db, { ...event, outcome: "success" })])).rejects.toThrow();
  expect(await db.select({ name: users.name }).from(users).where(eq(users.id, userId))).toEqual([{ name: null }]);
});
