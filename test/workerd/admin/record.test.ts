import { beforeAll, expect, it } from "vitest";
import { apiWith } from "../support/app.ts";
import { type ApiOptions, api, type SignedUp, signUp } from "../support/client.ts";
import { approve, disable, enable, endSessions, eventsOf, logIn, pathOf, setRole, signUpAdmin } from "./support.ts";

let admin: SignedUp;

beforeAll(async () => {
  admin = await signUpAdmin();
});

it.each<[string, string, object | null, (user: SignedUp) => Promise<Response>]>([
  ["a role", "admin.set_role", { role: "vendor", from: "user" }, (user) => setRole(admin, user, "vendor")],
  ["the role it has", "admin.set_role", { role: "user", from: "user" }, (user) => setRole(admin, user, "user")],
  ["disabling", "admin.disable", { from: "active" }, (user) => disable(admin, user)],
  ["ending all sessions", "admin.end_sessions", null, (user) => endSessions(admin, user)],
  [
    "a grant",
    "admin.grant_quota",
    { units: 7 },
    (user) => api(pathOf(user, "/quota-grants"), { token: admin.token, json: { units: 7, reason: "secret of ours" } }),
  ],
])("%s leaves exactly one event, in the target's log and the admin's name", async (_what, action, detail, act) => {
  const user = await signUp();
  expect((await act(user)).status).toBeLessThan(300);
  const events = await eventsOf(admin, user);
  expect(events).toHaveLength(1);
  const [event] = events;
  expect(event).toMatchObject({ action, outcome: "success", actorId: admin.userId, subjectId: user.userId });
  expect(event?.sessionId).toBe(admin.sessionId);
  if (detail === null) expect(event?.detail).toBeNull();
  else expect(event?.detail).toMatchObject(detail);
  expect(JSON.stringify(event)).not.toContain("secret of ours");
});

it("approving, enabling and ending one session leave one event each", async () => {
  const vendor = await signUp({ role: "vendor" });
  await approve(admin, vendor);
  expect(await eventsOf(admin, vendor)).toMatchObject([{ action: "admin.approve", outcome: "success" }]);
  const user = await signUp();
  const second = await logIn(user);
  const path = pathOf(user, `/sessions/${second?.sessionId}`);
  expect((await api(path, { method: "DELETE", token: admin.token })).status).toBe(204);
  await disable(admin, user);
  await enable(admin, user);
  expect((await eventsOf(admin, user)).map(({ action, detail }) => [action, detail])).toEqual([
    ["admin.enable", null],
    ["admin.disable", { from: "active" }],
    ["admin.end_sessions", { session: second?.sessionId }],
  ]);
});

it("refusals are recorded with what was refused, in the target's log once there is one", async () => {
  const user = await signUp();
  const act = (tail: string, options: ApiOptions) =>
    apiWith({}, pathOf(user, tail), { token: admin.token, ...options });
  await act("/approve", { method: "POST" });
  await act("/enable", { method: "POST" });
  await act("/sessions/ses_x", { method: "DELETE" });
  await act("/role", { method: "PUT", json: { role: "root" } });
  expect((await eventsOf(admin, user)).map(({ action, outcome, detail }) => [action, outcome, detail?.code])).toEqual([
    ["admin.end_sessions", "failure", "session_not_found"],
    ["admin.enable", "failure", "invalid_transition"],
    ["admin.approve", "failure", "invalid_transition"],
  ]);
});

it("who tries without being an admin, or on himself or nobody, has it in his own log", async () => {
  const user = await signUp();
  const attempt = (token: string, path: string) => apiWith({}, path, { method: "POST", token });
  await attempt(user.token, pathOf(admin, "/disable"));
  const [event] = await eventsOf({ ...admin, userId: user.userId }, user);
  expect(event).toMatchObject({ action: "admin.disable", outcome: "failure", detail: { code: "forbidden" } });
  const other = await signUpAdmin();
  await attempt(other.token, pathOf(other, "/disable"));
  await attempt(other.token, pathOf({ userId: "usr_nobody" }, "/disable"));
  expect((await eventsOf(other, other)).filter(({ action }) => action === "admin.disable")).toMatchObject([
    { outcome: "failure", detail: { code: "user_not_found" } },
    { outcome: "failure", detail: { code: "own_account" } },
  ]);
});

it("racing changes leave one event for each that was made", async () => {
  const user = await signUp();
  const answers = await Promise.all(
    Array.from({ length: 10 }, () =>
      apiWith({}, pathOf(user, "/disable"), {
        method: "POST",
        token: admin.token,
      }),
    ),
  );
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  const outcomes = (await eventsOf(admin, user)).map(({ outcome }) => outcome).sort();
  expect(outcomes).toEqual([...new Array(9).fill("failure"), "success"]);
});
