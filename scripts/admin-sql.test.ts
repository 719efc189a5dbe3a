import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { type Command, changeRole, selectAccount, selectEvent } from "./admin-sql.ts";
import { ROOT } from "./stack-env.ts";

const MIGRATIONS = join(ROOT, "migrations/d1");
const PHONE = "+989121234567";
const NOW = 1_800_000_000_000;

function database(role: string, status: string): DatabaseSync {
  const db = new DatabaseSync(":memory:");
  const files = readdirSync(MIGRATIONS).filter((name) => name.endsWith(".sql"));
  for (const name of files.sort()) db.exec(readFileSync(join(MIGRATIONS, name), "utf8"));
  db.exec(`INSERT INTO users (id, phone, role, status, session_epoch, plan_id, password_hash, created_at, updated_at)
    VALUES ('usr_1', '${PHONE}', '${role}', '${status}', 4, 'free', '', 1, 1)`);
  return db;
}

function run(db: DatabaseSync, command: Command) {
  const account = db.prepare(selectAccount(PHONE)).get() as { id: string };
  const { sql, eventId } = changeRole(command, account.id, NOW);
  db.exec(sql);
  const user = db.prepare("SELECT role, status, session_epoch AS epoch FROM users").get();
  const outbox = db.prepare("SELECT topic, payload, due_at AS dueAt FROM outbox").all();
  return { user, made: db.prepare(selectEvent(eventId)).all().length === 1, outbox };
}

it.each([
  ["grant", "user", "active", { role: "admin", status: "active" }],
  ["grant", "vendor", "pending", { role: "admin", status: "active" }],
  ["grant", "admin", "disabled", { role: "admin", status: "active" }],
  ["revoke", "admin", "active", { role: "user", status: "active" }],
  ["revoke", "admin", "disabled", { role: "user", status: "disabled" }],
] as const)(
  "%s of a %s who is %s changes the account, records it and promises to tell",
  (command, role, status, now) => {
    const db = database(role, status);
    const { user, made, outbox } = run(db, command);
    expect(made).toBe(true);
    expect(user).toEqual({ ...now, epoch: 5 });
    expect(outbox).toMatchObject([{ topic: "sessions.advance", dueAt: NOW }]);
    const payload = { userId: "usr_1", epoch: 5, ...now, effect: "restrict", keep: null };
    expect(JSON.parse(String(outbox[0]?.payload))).toEqual(payload);
    expect(db.prepare("SELECT user_id, actor_id, action, outcome, detail FROM audit_log").all()).toEqual([
      {
        user_id: "usr_1",
        actor_id: "operator",
        action: "admin.set_role",
        outcome: "success",
        detail: `{"role":"${now.role}"}`,
      },
    ]);
  },
);

it.each([
  ["grant", "admin", "active"],
  ["revoke", "user", "active"],
  ["revoke", "vendor", "pending"],
] as const)("%s of a %s who is %s writes nothing at all", (command, role, status) => {
  const { user, made, outbox } = run(database(role, status), command);
  expect({ user, made, outbox }).toEqual({ user: { role, status, epoch: 4 }, made: false, outbox: [] });
});

it("finds nobody by text that is no phone, whatever is in it", () => {
  const db = database("user", "active");
  for (const text of ["' OR 1 --", `${PHONE}'`, "", "%"]) expect(db.prepare(selectAccount(text)).all()).toEqual([]);
});
