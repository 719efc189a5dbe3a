import { describe, expect, it } from "vitest";
import { createAccessTokens } from "../../../src/modules/auth/index.ts";
import { appWith, SECRET, signIn, type Tokens } from "../support/auth.ts";
import { type ApiOptions, newPhone, PASSWORD, sendCode, signUp } from "../support/client.ts";
import { uploadPerson } from "../support/pictures.ts";

const SECOND = "second-secret-second-secret-second-secret";
const THIRD = "third-secret-third-secret-third-secret-03";

/** Old keys verify, new ones sign. */
const ROTATED = { JWT_SECRET: SECOND, JWT_SECRET_PREVIOUS: SECRET };
/** The new key is published and no more. */
const ANNOUNCED = { JWT_SECRET_NEXT: SECOND };
const DROPPED = { JWT_SECRET: SECOND };

type App = ReturnType<typeof appWith>;

function kidOf(accessToken: string): string {
  const header = Uint8Array.fromBase64(accessToken.split(".")[0] ?? "", { alphabet: "base64url" });
  return (JSON.parse(new TextDecoder().decode(header)) as { kid: string }).kid;
}

async function kidOfSecret(active: string): Promise<string> {
  const [key] = await createAccessTokens({ active, previous: null, next: null }, 600_000).publicKeys();
  return key?.kid ?? "";
}

async function jwksOf(app: App): Promise<string[]> {
  const { keys } = (await (await app.fetch("/.well-known/jwks.json")).json()) as { keys: { kid: string }[] };
  return keys.map((key) => key.kid);
}

const statusOf = async (app: App, path: string, options: ApiOptions = {}) => (await app.fetch(path, options)).status;
const meStatus = (app: App, token: string) => statusOf(app, "/api/users/me", { token });

async function renew(app: App, refreshToken: string): Promise<Tokens> {
  const response = await app.fetch("/api/auth/refresh", { json: { refreshToken } });
  expect(response.status).toBe(200);
  return (await response.json()) as Tokens;
}

describe("after the secret was changed and the old one kept", () => {
  const app = appWith(ROTATED);

  it("whoever is signed in stays so, and gets tokens of the new secret at the next renewal", async () => {
    const account = await signUp();
    expect(await meStatus(app, account.token)).toBe(200);
    const renewed = await renew(app, account.refreshToken);
    expect([kidOf(account.token), kidOf(renewed.accessToken)]).toEqual(
      await Promise.all([SECRET, SECOND].map(kidOfSecret)),
    );
    const dropped = appWith(DROPPED);
    expect(await meStatus(dropped, renewed.accessToken)).toBe(200);
    expect(await meStatus(dropped, (await renew(dropped, renewed.refreshToken)).accessToken)).toBe(200);
  });

  it("a renewal repeated across the change leads to one session that lives", async () => {
    const account = await signUp();
    const before = await renew(appWith({}), account.refreshToken);
    const again = await renew(app, account.refreshToken);
    expect(again.sessionId).toBe(before.sessionId);
    for (const { refreshToken } of [before, again]) {
      expect(await meStatus(app, (await renew(app, refreshToken)).accessToken)).toBe(200);
    }
  });

  it("a code that was sent before still verifies, and its token registers", async () => {
    const phone = newPhone();
    const sent = await sendCode(phone);
    const response = await app.fetch("/api/auth/verify-otp", { json: { phone, purpose: "register", ...sent } });
    expect(response.status).toBe(200);
    const { verificationToken } = (await response.json()) as { verificationToken: string };
    expect(await statusOf(app, "/api/auth/register", { json: { verificationToken, password: PASSWORD } })).toBe(201);
  });

  it("signed urls and cursors given out before still work", async () => {
    const account = await signUp();
    const { token } = account;
    await uploadPerson(token);
    const image = (await uploadPerson(token)) as { id: string; url: string };
    const list = await appWith({}).fetch("/api/images?limit=1", { token });
    const { nextCursor } = (await list.json()) as { nextCursor: string };
    expect(await statusOf(app, image.url)).toBe(200);
    expect(await statusOf(app, `/api/images?limit=1&cursor=${encodeURIComponent(nextCursor)}`, { token })).toBe(200);
    const dropped = appWith(DROPPED);
    const { accessToken } = await signedIn(dropped, account);
    expect(await statusOf(dropped, image.url)).toBe(403);
    expect(await statusOf(dropped, `/api/images?limit=1&cursor=${nextCursor}`, { token: accessToken })).toBe(400);
  });

  it("a known device is still known", async () => {
    const account = await signUp();
    const { phone, password } = account;
    const device = (await appWith({}).fetch("/api/auth/login", { json: { phone, password } })).headers;
    const headers = { "Device-Token": device.get("device-token") ?? "" };
    for (let i = 0; i < 5; i++) await app.fetch("/api/auth/login", { json: { phone, password: "not the password" } });
    expect(await statusOf(app, "/api/auth/login", { json: { phone, password } })).toBe(429);
    expect(await statusOf(app, "/api/auth/login", { json: { phone, password }, headers })).toBe(200);
  });
});

async function signedIn(app: App, account: { phone: string; password: string }): Promise<Tokens> {
  const { phone, password } = account;
  return (await (await app.fetch("/api/auth/login", { json: { phone, password } })).json()) as Tokens;
}

describe("a secret that is only announced", () => {
  const app = appWith(ANNOUNCED);

  it("is published after the active one, and signs nothing", async () => {
    const [active, next] = await Promise.all([SECRET, SECOND].map(kidOfSecret));
    expect(await jwksOf(app)).toEqual([active, next]);
    const account = await signUp();
    expect(kidOf((await signedIn(app, account)).accessToken)).toBe(active);
    expect(kidOf((await renew(app, account.refreshToken)).accessToken)).toBe(active);
  });

  it("has access tokens that are 401 until it is active", async () => {
    const { userId, sessionId } = await signUp();
    const tokens = createAccessTokens({ active: SECOND, previous: null, next: null }, 600_000);
    const { accessToken } = await tokens.sign({ userId, sessionId, generation: 0, role: "user" });
    expect(await meStatus(app, accessToken)).toBe(401);
    expect(await meStatus(appWith(ROTATED), accessToken)).toBe(200);
  });

  it("renews sessions already, for whoever met an isolate that is ahead", async () => {
    const account = await signUp();
    const ahead = await renew(appWith(ROTATED), account.refreshToken);
    expect(await meStatus(app, ahead.accessToken)).toBe(401);
    expect(await meStatus(app, (await renew(app, ahead.refreshToken)).accessToken)).toBe(200);
  });
});

it("the key set is active, next, previous, in this order", async () => {
  const app = appWith({ JWT_SECRET: SECOND, JWT_SECRET_NEXT: THIRD, JWT_SECRET_PREVIOUS: SECRET });
  expect(await jwksOf(app)).toEqual(await Promise.all([SECOND, THIRD, SECRET].map(kidOfSecret)));
});

it("a secret that was dropped verifies nothing", async () => {
  const account = await signUp();
  const app = appWith(DROPPED);
  expect(await jwksOf(app)).toEqual([await kidOfSecret(SECOND)]);
  expect(await meStatus(app, account.token)).toBe(401);
  expect(await statusOf(app, "/api/auth/refresh", { json: { refreshToken: account.refreshToken } })).toBe(401);
  expect(await meStatus(appWith({}), (await signIn(account)).accessToken)).toBe(200);
});

it("through a whole rotation nobody is signed out who renews in each step, while isolates of two steps serve side by side", async () => {
  const steps = [{}, ANNOUNCED, { ...ROTATED, JWT_SECRET_NEXT: SECOND }, ROTATED, DROPPED].map(appWith);
  const people: Tokens[] = await Promise.all(Array.from({ length: 4 }, () => signUp()));
  const kids = new Set<string>();
  for (const [i, ahead] of steps.entries()) {
    const behind = steps[Math.max(0, i - 1)] as App;
    for (const [j, person] of people.entries()) {
      let tokens = person;
      // In turns, each of them beginning elsewhere, and all of them ending ahead.
      for (const app of j % 2 === 0 ? [ahead, behind, ahead] : [behind, ahead]) {
        tokens = await renew(app, tokens.refreshToken);
        expect(await meStatus(app, tokens.accessToken)).toBe(200);
        kids.add(kidOf(tokens.accessToken));
      }
      people[j] = tokens;
    }
  }
  expect([...kids].sort()).toEqual((await Promise.all([SECRET, SECOND].map(kidOfSecret))).sort());
});
