import { exportJWK, generateKeyPair, importJWK, type JWTPayload, SignJWT } from "jose";
import { afterEach, beforeAll, expect, it, vi } from "vitest";
import { utf8 } from "../../../src/kernel/encoding.ts";
import { deriveBytes } from "../../../src/kernel/keyring.ts";
import { AUDIENCE, createAccessTokens, ISSUER } from "../../../src/modules/auth/access-tokens.ts";
import { apiWith, problemOf } from "../support/app.ts";
import { api, type SignedUp, signUp } from "../support/client.ts";

const SECRET = "test-secret-test-secret-test-secret-0001";
const OTHER_SECRET = "other-secret-other-secret-other-secret-02";
const TTL_S = 600;

let account: SignedUp;
let activeKid: string;
let activeX: string;
let privateKey: CryptoKey;

beforeAll(async () => {
  account = await signUp();
  const { keys } = (await (await api("/.well-known/jwks.json")).json()) as { keys: { kid: string; x: string }[] };
  activeKid = keys[0]?.kid ?? "";
  activeX = keys[0]?.x ?? "";
  const d = (await deriveBytes(SECRET, "access-token/ed25519/v1", 32)).toBase64({
    alphabet: "base64url",
    omitPadding: true,
  });
  privateKey = (await importJWK({ kty: "OKP", crv: "Ed25519", x: activeX, d }, "Ed25519")) as CryptoKey;
});

const now = () => Math.floor(Date.now() / 1000);

function goodClaims(): JWTPayload {
  return {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: account.userId,
    sid: account.sessionId,
    jti: `${"A".repeat(22)}.0`,
    iat: now(),
    exp: now() + TTL_S,
    role: "user",
  };
}

/** A token signed with the service's own key, in which only what the test says is wrong. */
function forge(
  change: JWTPayload = {},
  header: Record<string, unknown> = {},
  key: CryptoKey | Uint8Array = privateKey,
) {
  const claims = Object.fromEntries(
    Object.entries({ ...goodClaims(), ...change }).filter(([, value]) => value !== undefined),
  );
  return new SignJWT(claims).setProtectedHeader({ alg: "Ed25519", typ: "at+jwt", kid: activeKid, ...header }).sign(key);
}

const base64url = (value: unknown) =>
  utf8(typeof value === "string" ? value : JSON.stringify(value)).toBase64({
    alphabet: "base64url",
    omitPadding: true,
  });

async function statusOf(token: string): Promise<number> {
  return (await api("/api/users/me", { token })).status;
}

it("the forge makes valid tokens, so each refusal below has the one reason it names", async () => {
  expect(await statusOf(await forge())).toBe(200);
  expect(await statusOf(await forge({ padding: "x".repeat(2_000) }))).toBe(200);
});

it("a token says Ed25519, at+jwt and a thumbprint in its header and every claim of the contract", () => {
  const [header = "", payload = ""] = account.token.split(".");
  const read = (part: string) =>
    JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(part, { alphabet: "base64url" })));
  expect(read(header)).toEqual({ alg: "Ed25519", typ: "at+jwt", kid: activeKid });
  const claims = read(payload);
  expect(claims).toEqual({
    iss: ISSUER,
    aud: AUDIENCE,
    sub: account.userId,
    sid: account.sessionId,
    jti: expect.stringMatching(/^[\w-]{22}\.0$/),
    iat: expect.any(Number),
    exp: claims.iat + TTL_S,
    role: "user",
  });
});

it("every forged token is one and the same 401", async () => {
  const unsigned = (alg: unknown) => `${base64url({ alg, typ: "at+jwt", kid: activeKid })}.${base64url(goodClaims())}.`;
  const stranger = await generateKeyPair("Ed25519", { extractable: true });
  const strangersJwk = await exportJWK(stranger.publicKey);
  const [head = "", body = "", signature = ""] = account.token.split(".");
  const forged: Record<string, string> = {
    "alg none": unsigned("none"),
    "alg NoNe": unsigned("NoNe"),
    "no alg": unsigned(undefined),
    "an empty signature": `${head}.${body}.`,
    "a zero signature": `${head}.${body}.${base64url("\u0000".repeat(64))}`,
    "another body": `${head}.${base64url({ ...goodClaims(), sub: "usr_01KBTESTTESTTESTTESTTESTTE" })}.${signature}`,
    "HS256 with the public key": await forge({}, { alg: "HS256" }, utf8(activeX.padEnd(48, "="))),
    "HS256 with the public key's bytes": await forge(
      {},
      { alg: "HS256" },
      Uint8Array.fromBase64(activeX, { alphabet: "base64url" }),
    ),
    "a stranger's key under our kid": await forge({}, {}, stranger.privateKey),
    "an embedded jwk": await forge({}, { jwk: strangersJwk, kid: undefined }, stranger.privateKey),
    "an embedded jwk under our kid": await forge({}, { jwk: strangersJwk }, stranger.privateKey),
    "a jku": await forge({}, { jku: "https://evil.example/jwks.json", kid: "evil" }, stranger.privateKey),
    "no kid": await forge({}, { kid: undefined }),
    "an unknown kid": await forge({}, { kid: "retired" }),
    "a path for a kid": await forge({}, { kid: "../../dev/null" }),
    "a property name for a kid": await forge({}, { kid: "__proto__" }),
    "a list for a kid": await forge({}, { kid: [activeKid] }),
    "typ JWT": await forge({}, { typ: "JWT" }),
    "no typ": await forge({}, { typ: undefined }),
    "alg EdDSA": await forge({}, { alg: "EdDSA" }),
    "another issuer": await forge({ iss: "urn:evil" }),
    "another audience": await forge({ aud: "urn:evil" }),
    ...Object.fromEntries(
      await Promise.all(
        Object.keys(goodClaims()).map(async (claim) => [`no ${claim}`, await forge({ [claim]: undefined })] as const),
      ),
    ),
    "expired six seconds ago": await forge({ exp: now() - 6 }),
    "older than any token may be": await forge({ iat: now() - TTL_S - 6, exp: now() + 60 }),
    "issued in the future": await forge({ iat: now() + 60 }),
    "not yet valid": await forge({ nbf: now() + 60 }),
    "a number for a subject": await forge({ sub: 1 as unknown as string }),
    "a session of nobody": await forge({ sid: "ses_01KBTESTTESTTESTTESTTESTTE" }),
    "another user's session": await forge({ sub: (await signUp()).userId }),
    "an unknown role": await forge({ role: "root" }),
    "base64 user|role|session": base64url(`${account.userId}|admin|${account.sessionId}`),
    "a refresh token": account.refreshToken,
    nonsense: "nonsense",
    "more than 4,096 characters": await forge({ padding: "x".repeat(3_000) }),
  };
  const problems = new Set<string>();
  for (const [name, token] of Object.entries(forged)) {
    const response = await api("/api/users/me", { token });
    expect(response.status, name).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
    expect(response.headers.get("cache-control")).toBe("no-store");
    problems.add(JSON.stringify(await problemOf(response)));
  }
  for (const header of [
    undefined,
    "",
    "Bearer",
    "Bearer ",
    `Basic ${account.token}`,
    `Bearer ${account.token} x`,
    account.token,
  ]) {
    const response = await api("/api/users/me", { headers: header === undefined ? {} : { Authorization: header } });
    expect(response.status, header).toBe(401);
    problems.add(JSON.stringify(await problemOf(response)));
  }
  expect(problems.size).toBe(1);
  expect([...problems][0]).toContain('"code":"unauthenticated"');
});

it("a clock may be five seconds off", async () => {
  expect(await statusOf(await forge({ exp: now() - 3 }))).toBe(200);
  expect(await statusOf(await forge({ iat: now() + 3 }))).toBe(200);
});

it("the role in a token is not believed: the session's is", async () => {
  const me = await api("/api/users/me", { token: await forge({ role: "admin" }) });
  expect(await me.json()).toMatchObject({ role: "user" });
});

it("tokens of the previous secret still pass, those of a dropped one don't, and new ones are signed with the active", async () => {
  const me = (env: object, token = account.token) => apiWith(env, "/api/users/me", { token });
  const rotated = { JWT_SECRET: OTHER_SECRET, JWT_SECRET_PREVIOUS: SECRET };
  expect((await me({ JWT_SECRET: OTHER_SECRET })).status).toBe(401);
  expect((await me(rotated)).status).toBe(200);
  const login = { phone: account.phone, password: account.password };
  const response = await apiWith(rotated, "/api/auth/login", { json: login });
  const { accessToken } = (await response.json()) as { accessToken: string };
  expect(accessToken.split(".")[0]).not.toBe(account.token.split(".")[0]);
  expect((await me(rotated, accessToken)).status).toBe(200);
  expect((await me({}, accessToken)).status).toBe(401);
});

it("a token lasts as long as is configured", async () => {
  const tokens = createAccessTokens({ active: SECRET, previous: null, next: null }, 60_000);
  const subject = { userId: account.userId, sessionId: account.sessionId, generation: 3 };
  const { accessToken, expiresIn } = await tokens.sign({ ...subject, role: "user" });
  expect(expiresIn).toBe(60);
  expect(await tokens.verify(accessToken)).toEqual(subject);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const SUBJECT = { userId: "usr_1", sessionId: "ses_1", generation: 3 };

function ownTokens() {
  return createAccessTokens({ active: SECRET, previous: null, next: null }, TTL_S * 1_000);
}

it("a token that was verified is believed without its signature until it expires, and not a moment longer", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  const tokens = ownTokens();
  const { accessToken } = await tokens.sign({ ...SUBJECT, role: "user" });
  const verify = vi.spyOn(crypto.subtle, "verify");
  expect(await tokens.verify(accessToken)).toEqual(SUBJECT);
  expect(await tokens.verify(accessToken)).toEqual(SUBJECT);
  expect(verify).toHaveBeenCalledTimes(1);
  vi.setSystemTime(Date.now() + (TTL_S + 6) * 1_000);
  expect(await tokens.verify(accessToken)).toBeNull();
});

it("remembering one token vouches for no other: each change of a remembered one is refused", async () => {
  const tokens = ownTokens();
  const { accessToken } = await tokens.sign({ ...SUBJECT, role: "user" });
  expect(await tokens.verify(accessToken)).toEqual(SUBJECT);
  const [header = "", payload = "", signature = ""] = accessToken.split(".");
  const admin = base64url(
    JSON.stringify({
      ...JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(payload, { alphabet: "base64url" }))),
      role: "admin",
    }),
  );
  for (const changed of [
    `${header}.${admin}.${signature}`,
    `${header}.${payload}.${signature.slice(0, -2)}AA`,
    `${header}.${payload}.`,
    `${accessToken}.`,
    ` ${accessToken}`,
    accessToken.toLowerCase(),
  ]) {
    expect(await tokens.verify(changed), changed).toBeNull();
  }
});

it("refused tokens are not remembered, and thousands of good ones push each other out without harm", async () => {
  const tokens = ownTokens();
  const verify = vi.spyOn(crypto.subtle, "verify");
  const bad = `${(await ownTokens().sign({ ...SUBJECT, role: "user" })).accessToken.slice(0, -4)}AAAA`;
  expect(await tokens.verify(bad)).toBeNull();
  expect(await tokens.verify(bad)).toBeNull();
  expect(verify).toHaveBeenCalledTimes(2);
  const many = await Promise.all(
    Array.from({ length: 2_100 }, (_, generation) => tokens.sign({ ...SUBJECT, generation, role: "user" })),
  );
  for (const [generation, { accessToken }] of many.entries()) {
    expect(await tokens.verify(accessToken)).toEqual({ ...SUBJECT, generation });
  }
  verify.mockClear();
  expect(await tokens.verify(many[0]?.accessToken ?? "")).toEqual({ ...SUBJECT, generation: 0 });
  expect(verify).toHaveBeenCalledTimes(1);
  expect(await tokens.verify(many[2_099]?.accessToken ?? "")).toEqual({ ...SUBJECT, generation: 2_099 });
  expect(verify).toHaveBeenCalledTimes(1);
});
