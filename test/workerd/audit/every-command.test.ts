import { eq } from "drizzle-orm";
import { expect, it } from "vitest";
import { auditLog, users } from "../../../src/db/d1/schema/index.ts";
import { AUDIT_ACTIONS } from "../../../src/kernel/audit.ts";
import { apiWith } from "../support/app.ts";
import {
  type ApiOptions,
  api,
  inbox,
  newPhone,
  PASSWORD,
  type Purpose,
  type Session,
  signUp,
} from "../support/client.ts";
import { db } from "../support/database.ts";
import { asFile, form } from "../support/pictures.ts";

/** Jobs stay queued, so that what becomes of a conversion is up to the test. */
const IDLE = { CONVERSION_QUEUE: { send: async () => {} } };

/** A request whose background work is done when it returns, and its JSON. */
async function call(path: string, options: ApiOptions = {}) {
  const response = await apiWith(IDLE, path, options);
  return { status: response.status, body: (await response.json().catch(() => ({}))) as Record<string, string> };
}

async function eventsOf(subjectId: string) {
  const rows = await db.select().from(auditLog).where(eq(auditLog.userId, subjectId)).orderBy(auditLog.id);
  return rows.map((row) => `${row.action} ${row.outcome}${row.detail?.code ? ` ${row.detail.code}` : ""}`);
}

const covered = new Set<string>();

/** What `work` adds to the log of `subjectId`. */
async function added(subjectId: string, work: () => Promise<{ status: number }>, status: number): Promise<string[]> {
  const before = (await eventsOf(subjectId)).length;
  expect((await work()).status).toBe(status);
  const events = (await eventsOf(subjectId)).slice(before);
  for (const event of events) covered.add(event.split(" ").slice(0, 2).join(" "));
  return events;
}

async function challenge(phone: string, purpose: Purpose) {
  const { body } = await call("/api/auth/send-otp", { json: { phone, purpose } });
  const code = (await inbox(phone))[0]?.code ?? "";
  return { phone, purpose, challengeId: body.challengeId ?? "", code };
}

async function verified(phone: string, purpose: Purpose): Promise<string> {
  const { body } = await call("/api/auth/verify-otp", { json: await challenge(phone, purpose) });
  return body.verificationToken ?? "";
}

it("signing in and out leaves one event for each thing that was done or refused", async () => {
  const { phone, userId, token } = await signUp();
  const log = (work: () => Promise<{ status: number }>, status: number) => added(userId, work, status);
  const login = (json: unknown) => call("/api/auth/login", { json });
  expect(await eventsOf(userId)).toEqual(["auth.register success"]);
  expect(await log(() => call("/api/auth/send-otp", { json: { phone, purpose: "login" } }), 202)).toEqual([
    "auth.send_otp success",
  ]);
  const attempt = await challenge(phone, "login");
  const wrong = { ...attempt, code: attempt.code === "000000" ? "000001" : "000000" };
  expect(await log(() => call("/api/auth/verify-otp", { json: wrong }), 400)).toEqual([
    "auth.verify_otp failure invalid_code",
  ]);
  expect(await log(() => call("/api/auth/verify-otp", { json: attempt }), 200)).toEqual(["auth.verify_otp success"]);
  expect(await log(() => login({ phone, password: "not the password" }), 401)).toEqual([
    "auth.login failure invalid_credentials",
  ]);
  expect(await log(() => login({ phone, password: PASSWORD }), 200)).toEqual(["auth.login success"]);
  const loginToken = await verified(phone, "login");
  expect(await log(() => login({ verificationToken: loginToken }), 200)).toEqual(["auth.login success"]);
  const session = (await login({ phone, password: PASSWORD })).body as unknown as Session;
  const reset = await verified(phone, "password_reset");
  const change = { currentPassword: "not the password", newPassword: "eleven blue herons" };
  const password = (path: string, json: unknown, by = session.accessToken) =>
    call(`/api/auth/password/${path}`, { json, token: by });
  expect(await log(() => password("change", change), 403)).toEqual(["auth.password_change failure wrong_password"]);
  expect(await log(() => password("change", { ...change, currentPassword: PASSWORD }), 204)).toEqual([
    "auth.password_change success",
  ]);
  expect((await call("/api/users/me", { token })).status).toBe(401);
  const { refreshToken } = session;
  expect(await log(() => call("/api/auth/refresh", { json: { refreshToken } }), 200)).toEqual([]);
  expect(await log(() => call("/api/auth/logout", { token: session.accessToken, method: "POST" }), 204)).toEqual([
    "auth.logout success",
  ]);
  expect(await log(() => call("/api/auth/logout", { token: session.accessToken, method: "POST" }), 204)).toEqual([]);
  expect(await log(() => call("/api/auth/refresh", { json: { refreshToken } }), 401)).toEqual([
    "auth.refresh failure invalid_refresh_token",
  ]);
  const resetBody = { verificationToken: reset, newPassword: PASSWORD };
  expect(await log(() => password("reset", resetBody), 204)).toEqual(["auth.password_reset success"]);
  const again = (await login({ phone, password: PASSWORD })).body as unknown as Session;
  const other = (await login({ phone, password: PASSWORD })).body as unknown as Session;
  const revoke = (id: string) => call(`/api/auth/sessions/${id}`, { method: "DELETE", token: again.accessToken });
  expect(await log(() => revoke("ses_none"), 404)).toEqual(["session.revoke failure session_not_found"]);
  expect(await log(() => revoke(other.sessionId), 204)).toEqual(["session.revoke success"]);
  expect(await log(() => call("/api/auth/logout-all", { method: "POST", token: again.accessToken }), 204)).toEqual([
    "auth.logout_all success",
  ]);
});

it("pictures, conversions and the account leave one event for each thing that was done or refused", async () => {
  const { token, userId } = await signUp();
  const log = (work: () => Promise<{ status: number }>, status: number) => added(userId, work, status);
  const send = (method: string, path: string, json?: unknown) => call(path, { method, token, json });
  expect(await log(() => send("PATCH", "/api/users/me", { name: "Parvin" }), 200)).toEqual(["user.update success"]);
  const picture = () => form({ kind: "person" }, { file: asFile("person") });
  const ids: string[] = [];
  const upload = async () => {
    const answer = await call("/api/images", { method: "POST", token, body: picture() });
    ids.push(answer.body.id ?? "");
    return answer;
  };
  expect(await log(upload, 201)).toEqual(["image.upload success"]);
  expect(await log(upload, 201)).toEqual(["image.upload success"]);
  expect(await log(() => send("DELETE", `/api/images/${ids[1]}`), 204)).toEqual(["image.delete success"]);
  expect(await log(() => send("DELETE", `/api/images/${ids[1]}`), 404)).toEqual([
    "image.delete failure image_not_found",
  ]);
  const body = { kind: "style", personImageId: ids[0], stylePreset: "oil" };
  let id = "";
  const create = async (json: unknown = body) => {
    const answer = await send("POST", "/api/conversions", json);
    id = answer.body.id ?? id;
    return answer;
  };
  expect(await log(create, 202)).toEqual(["conversion.create success"]);
  expect(await log(() => create({ ...body, personImageId: "img_none" }), 404)).toEqual([
    "conversion.create failure image_not_found",
  ]);
  expect(await log(() => create({ ...body, stylePreset: "none" }), 422)).toEqual([]);
  const at = (verb = "") => `/api/conversions/${id}${verb}`;
  expect(await log(() => send("PUT", at(), { title: "One" }), 200)).toEqual(["conversion.update success"]);
  expect(await log(() => send("POST", at("/cancel")), 200)).toEqual(["conversion.cancel success"]);
  expect(await log(() => send("POST", at("/cancel")), 409)).toEqual(["conversion.cancel failure invalid_transition"]);
  const first = at();
  const retry = async () => {
    const answer = await send("POST", at("/retry"));
    id = answer.body.id ?? id;
    return answer;
  };
  expect(await log(retry, 202)).toEqual(["conversion.retry success"]);
  expect(await log(() => send("DELETE", first), 204)).toEqual(["conversion.delete success"]);
  expect(await log(() => send("POST", `${first}/retry`), 404)).toEqual([
    "conversion.retry failure conversion_not_found",
  ]);
});

it("deleting an account leaves its event in a log that names nobody", async () => {
  const { token, userId } = await signUp();
  const before = await db.select().from(auditLog).where(eq(auditLog.userId, userId));
  expect((await call("/api/users/me", { method: "DELETE", token })).status).toBe(204);
  expect(await eventsOf(userId)).toEqual([]);
  const [event] = await db
    .select()
    .from(auditLog)
    .where(eq(auditLog.id, before[0]?.id ?? ""));
  expect(await eventsOf(event?.userId ?? "")).toEqual(["auth.register success", "user.delete success"]);
});

it("a register send for a phone without an account is found under a pseudonym, and never under the phone", async () => {
  const phone = newPhone();
  const attempt = await challenge(phone, "register");
  const rows = await db.select().from(auditLog).where(eq(auditLog.action, "auth.send_otp"));
  expect(rows.some((row) => row.userId.startsWith("phn_"))).toBe(true);
  expect(JSON.stringify(rows)).not.toContain(phone.slice(3));
  expect(JSON.stringify(rows)).not.toContain(attempt.code);
});

it("no command of users is without an event in the tests above", () => {
  const silent = AUDIT_ACTIONS.filter((action) => !action.startsWith("admin."))
    .filter((action) => !["auth.register", "user.delete", "auth.refresh"].includes(action))
    .filter((action) => !covered.has(`${action} success`));
  expect(silent).toEqual([]);
});

it("a stranger's requests without a genuine token leave no event", async () => {
  const { userId } = await signUp();
  const [account] = await db.select().from(users).where(eq(users.id, userId));
  const before = (await eventsOf(userId)).length;
  expect((await api("/api/auth/logout-all", { method: "POST", token: "x.y.z" })).status).toBe(401);
  expect((await api("/api/auth/refresh", { json: { refreshToken: "nonsense" } })).status).toBe(401);
  expect(account?.id).toBe(userId);
  expect(await eventsOf(userId)).toHaveLength(before);
});
