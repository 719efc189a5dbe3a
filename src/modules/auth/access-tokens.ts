import { calculateJwkThumbprint, importJWK, type JWK, jwtVerify, SignJWT } from "jose";
import { toBase64Url } from "../../kernel/encoding.ts";
import { deriveBytes } from "../../kernel/keyring.ts";
import { USER_ROLES, type UserRole } from "../../kernel/request-context.ts";

export interface AccessTokenSubject {
  readonly userId: string;
  readonly sessionId: string;
  /** How often the session had been refreshed when the token was issued. */
  readonly generation: number;
}

/** Master secrets; each gives one key pair. */
export interface AccessTokenSecrets {
  /** Signs. */
  readonly active: string;
  /** Still verifies. */
  readonly previous: string | null;
  /** Already published, so that everyone knows the key before it signs; verifies nothing yet. */
  readonly next: string | null;
}

/** Signs and verifies the JWTs that bearer requests carry. */
export interface AccessTokens {
  /** A fresh token, and the seconds it lasts. */
  sign(
    subject: AccessTokenSubject & { readonly role: UserRole },
  ): Promise<{ readonly accessToken: string; readonly expiresIn: number }>;
  /** The claims of a token that passes every check, or null. */
  verify(token: string): Promise<AccessTokenSubject | null>;
  /** The public keys: active, next, previous. */
  publicKeys(): Promise<readonly PublicJwk[]>;
}

export interface PublicJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly x: string;
  readonly kid: string;
  readonly alg: "Ed25519";
  readonly use: "sig";
}

interface SigningKey {
  readonly jwk: PublicJwk;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

const ALGORITHM = "Ed25519";
const TYPE = "at+jwt";
export const ISSUER = "urn:ai-styler";
export const AUDIENCE = "urn:ai-styler:api";
const CLOCK_TOLERANCE_S = 5;
/** A random part, and how often the session had been refreshed. */
const JTI = /^[\w-]{22}\.(\d{1,10})$/;
const REQUIRED_CLAIMS = ["iss", "aud", "sub", "sid", "jti", "iat", "exp", "role"];
/** RFC 8410: an Ed25519 private key in PKCS #8 is these bytes and the 32-byte seed. */
const PKCS8_PREFIX = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/** The key pair of a master secret: the HKDF output is the Ed25519 seed. */
async function deriveKey(secret: string): Promise<SigningKey> {
  const seed = await deriveBytes(secret, "access-token/ed25519/v1", 32);
  const pkcs8 = new Uint8Array([...PKCS8_PREFIX, ...seed]);
  const extractable = await crypto.subtle.importKey("pkcs8", pkcs8, ALGORITHM, true, ["sign"]);
  const { x } = (await crypto.subtle.exportKey("jwk", extractable)) as JWK;
  if (x === undefined) throw new Error("the runtime gave no public key");
  const publicJwk = { kty: "OKP", crv: "Ed25519", x } as const;
  const [kid, publicKey, privateKey] = await Promise.all([
    calculateJwkThumbprint(publicJwk),
    importJWK(publicJwk, ALGORITHM),
    crypto.subtle.importKey("pkcs8", pkcs8, ALGORITHM, false, ["sign"]),
  ]);
  return { jwk: { ...publicJwk, kid, alg: ALGORITHM, use: "sig" }, privateKey, publicKey: publicKey as CryptoKey };
}

function isId(value: unknown, prefix: string): value is string {
  return typeof value === "string" && value.length <= 64 && value.startsWith(`${prefix}_`);
}

interface Keys {
  readonly active: SigningKey;
  /** By `kid`: the keys whose tokens are accepted. */
  readonly trusted: ReadonlyMap<string, SigningKey>;
  readonly published: readonly PublicJwk[];
}

async function deriveKeys({ active, previous, next }: AccessTokenSecrets): Promise<Keys> {
  const [signing, retiring, coming] = await Promise.all([
    deriveKey(active),
    previous === null ? null : deriveKey(previous),
    next === null ? null : deriveKey(next),
  ]);
  const known = (keys: readonly (SigningKey | null)[]) => keys.filter((key) => key !== null);
  const published = new Map(known([signing, coming, retiring]).map(({ jwk }) => [jwk.kid, jwk]));
  return {
    active: signing,
    trusted: new Map(known([signing, retiring]).map((key) => [key.jwk.kid, key])),
    published: [...published.values()],
  };
}

/** Of a token that was verified: what it says, and until when it may be believed without looking again. */
interface Believed {
  readonly subject: AccessTokenSubject;
  readonly untilMs: number;
}

/** Tokens that an isolate remembers; the oldest makes room. */
const MAX_BELIEVED = 2_000;

/**
 * `at+jwt` tokens (RFC 9068) signed with Ed25519. Only keys derived from the secrets are ever used: `kid` is looked up
 * among them, and `jwk`, `jku` and `x5u` are ignored. A token that passed is remembered whole until its time is over, for
 * its signature can't change; whether its session still holds is another question, asked on every request.
 */
export function createAccessTokens(secrets: AccessTokenSecrets, ttlMs: number): AccessTokens {
  const ttlSeconds = Math.max(1, Math.floor(ttlMs / 1000));
  let known: Keys | null = null;
  const believed = new Map<string, Believed>();

  /** Kept as a value, not as a promise: one made by a cancelled request would never settle for the others. */
  async function keys(): Promise<Keys> {
    known ??= await deriveKeys(secrets);
    return known;
  }

  function remember(token: string, it: Believed): void {
    const [oldest] = believed.size < MAX_BELIEVED ? [] : believed.keys();
    if (oldest !== undefined) believed.delete(oldest);
    believed.set(token, it);
  }

  function recall(token: string): AccessTokenSubject | null {
    const it = believed.get(token);
    if (it === undefined) return null;
    if (Date.now() < it.untilMs) return it.subject;
    believed.delete(token);
    return null;
  }

  async function claimsOf(token: string, trusted: Keys["trusted"]): Promise<Believed | null> {
    const { payload } = await jwtVerify(
      token,
      ({ kid }) => {
        const key = typeof kid === "string" ? trusted.get(kid) : undefined;
        if (key === undefined) throw new Error("unknown key");
        return key.publicKey;
      },
      {
        algorithms: [ALGORITHM],
        typ: TYPE,
        issuer: ISSUER,
        audience: AUDIENCE,
        requiredClaims: REQUIRED_CLAIMS,
        maxTokenAge: ttlSeconds,
        clockTolerance: CLOCK_TOLERANCE_S,
      },
    );
    const { sub, sid, jti, role, iat = 0, exp = 0 } = payload;
    const generation = JTI.exec(String(jti))?.[1];
    if (!isId(sub, "usr") || !isId(sid, "ses") || generation === undefined) return null;
    const subject = { userId: sub, sessionId: sid, generation: Number(generation) };
    // The tolerance is left out: in the last seconds of a token's life it is verified each time.
    const untilMs = Math.min(exp, iat + ttlSeconds) * 1_000;
    return USER_ROLES.some((name) => name === role) ? { subject, untilMs } : null;
  }

  return {
    async sign({ userId, sessionId, generation, role }) {
      const { active } = await keys();
      const accessToken = await new SignJWT({ sid: sessionId, role })
        .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: active.jwk.kid })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(userId)
        .setJti(`${toBase64Url(crypto.getRandomValues(new Uint8Array(16)))}.${generation}`)
        .setIssuedAt()
        .setExpirationTime(`${ttlSeconds}s`)
        .sign(active.privateKey);
      return { accessToken, expiresIn: ttlSeconds };
    },

    async verify(token) {
      // Outside of the catch: that keys can't be derived is our failure and not the token's.
      const { trusted } = await keys();
      const recalled = recall(token);
      if (recalled !== null) return recalled;
      const verified = await claimsOf(token, trusted).catch(() => null);
      if (verified !== null) remember(token, verified);
      return verified?.subject ?? null;
    },

    publicKeys: async () => (await keys()).published,
  };
}
