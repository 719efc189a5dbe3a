import { beforeAll, expect, it } from "vitest";
import { api, type SignedUp, signUp } from "../support/client.ts";
import { endSessions, isSignedIn, logIn, pathOf, refresh, refused, signUpAdmin } from "./support.ts";

let admin: SignedUp;

beforeAll(async () => {
  admin = await signUpAdmin();
});

const endSession = (user: SignedUp, sessionId: string) =>
  api(pathOf(user, `/sessions/${sessionId}`), { method: "DELETE", token: admin.token });

it("ends every session of an account at once; logging in works as before", async () => {
  const user = await signUp();
  const second = await logIn(user);
  expect((await endSessions(admin, user)).status).toBe(204);
  expect(await isSignedIn(user)).toBe(false);
  expect(await isSignedIn({ token: second?.accessToken ?? "" })).toBe(false);
  expect(await refused(refresh(user), 401)).toBe("invalid_refresh_token");
  const again = await logIn(user);
  expect(await isSignedIn({ token: again?.accessToken ?? "" })).toBe(true);
  expect(await isSignedIn(admin)).toBe(true);
});

it("ends one session of an account, and no other", async () => {
  const user = await signUp();
  const second = await logIn(user);
  expect((await endSession(user, user.sessionId)).status).toBe(204);
  expect(await isSignedIn(user)).toBe(false);
  expect(await refused(refresh(user), 401)).toBe("invalid_refresh_token");
  expect(await isSignedIn({ token: second?.accessToken ?? "" })).toBe(true);
  expect(await refused(endSession(user, user.sessionId), 404)).toBe("session_not_found");
});

it("has no session of somebody else's under an account", async () => {
  const [user, stranger] = [await signUp(), await signUp()];
  for (const id of [stranger.sessionId, "ses_nothing", "%00"]) {
    expect(await refused(endSession(user, id), 404)).toBe("session_not_found");
  }
  expect(await isSignedIn(stranger)).toBe(true);
});

it("takes no body", async () => {
  const user = await signUp();
  const big = { method: "POST", token: admin.token, body: new Uint8Array(20_000) };
  const response = await api(pathOf(user, "/end-sessions"), big);
  expect([413, 415, 422]).toContain(response.status);
  expect(await isSignedIn(user)).toBe(true);
});
