import { expect, it } from "vitest";
import { newId } from "../../../src/kernel/ids.ts";
import { phoneSubject } from "../../../src/kernel/phone-subject.ts";
import { linkAudit, stripStrangers } from "../../../src/modules/audit/jobs.ts";
import { withServices } from "../support/auth.ts";
import { newPhone } from "../support/client.ts";
import { audit, auditEvent, auditStage, execute, insertEvents, recordEvents, rowsOf } from "./support.ts";
import { verifyChain } from "./verify-chain.ts";

const DAY = 24 * 60 * 60_000;
const NOW = Date.UTC(2026, 5, 1);
const { deps } = auditStage({ clock: { now: () => NOW } });
const link = () => linkAudit(auditStage().deps, { budgetMs: 20_000 });
const stripped = { session_id: null, ip_prefix: null, detail: null, salt: null };
const whole = { session_id: "ses_x", ip_prefix: "203.0.113.0/24", detail: expect.any(String) };

/** A name that the log has for a phone, and an event under it. */
async function stranger(createdAt: number): Promise<string> {
  const subject = await withServices(({ keyring }) => phoneSubject(keyring, newPhone()));
  if (!("pseudonym" in subject)) throw new Error("no pseudonym");
  await audit.record(auditEvent("", { subject, createdAt, actorId: "anonymous" }));
  return subject.pseudonym;
}

it("after 30 days nothing tells from where a phone without an account was tried, and its chain holds", async () => {
  const [old, young] = [await stranger(NOW - 30 * DAY - 1), await stranger(NOW - 30 * DAY)];
  const userId = newId("usr", NOW);
  await recordEvents(userId, 1, { createdAt: NOW - 90 * DAY });
  await link();
  const [before] = await rowsOf(old);
  expect(await stripStrangers(deps)).toBe(1);
  expect(await rowsOf(old)).toEqual([{ ...before, ...stripped }]);
  expect(await rowsOf(young)).toMatchObject([whole]);
  expect(await rowsOf(userId)).toMatchObject([whole]);
  expect(await verifyChain(deps, old)).toMatchObject({ events: 1, problems: [] });
  expect(await stripStrangers(deps)).toBe(0);
});

it("an event that is not linked yet is linked first: its digest is of what it said", async () => {
  const old = await stranger(NOW - 40 * DAY);
  expect(await stripStrangers(deps)).toBe(0);
  expect(await rowsOf(old)).toMatchObject([{ ...whole, seq: null }]);
  await link();
  expect(await stripStrangers(deps)).toBe(1);
  expect(await rowsOf(old)).toMatchObject([{ ...stripped, seq: 1 }]);
  expect(await verifyChain(deps, old)).toMatchObject({ events: 1, problems: [] });
});

it("takes the oldest first, at most as many as it is told at once, and all in the end", {
  timeout: 60_000,
}, async () => {
  await insertEvents("phn_many", 1_200);
  await link();
  const left = async () => (await rowsOf("phn_many")).filter((row) => row.ip_prefix !== null).length;
  expect(await audit.stripStrangers(NOW, 500)).toBe(500);
  const rows = await rowsOf("phn_many");
  expect(rows.map((row) => row.ip_prefix === null)).toEqual(rows.map((_, i) => i < 500));
  expect(await stripStrangers(deps)).toBe(700);
  expect(await left()).toBe(0);
  expect(await execute("UPDATE audit_log SET salt = NULL WHERE salt IS NOT NULL AND user_id = 'phn_many'")).toBe(0);
  expect(await verifyChain(deps, "phn_many")).toMatchObject({ events: 1_200, problems: [] });
});
