import { fromBase64Url, toBase64Url, utf8 } from "../../kernel/encoding.ts";
import type { Keyring } from "../../kernel/keyring.ts";

const VERSION = 1;
const ULID_LENGTH = 26;
const SALT_LENGTH = 16;
const MAC_LENGTH = 32;
const COUNTER_AT = 1 + 2 * ULID_LENGTH;
const SALT_AT = COUNTER_AT + 4;
const MAC_AT = SALT_AT + SALT_LENGTH;

/** What a refresh token says. */
export interface RefreshTokenClaims {
  readonly userId: string;
  readonly sessionId: string;
  /** How many tokens of the session came before it. */
  readonly counter: number;
  /** The session's, base64url of 16 bytes. */
  readonly salt: string;
}

function macParts({ userId, sessionId, counter, salt }: RefreshTokenClaims): string[] {
  return [String(VERSION), userId, sessionId, String(counter), salt];
}

function ulidOf(id: string): string {
  return id.slice(id.indexOf("_") + 1);
}

/**
 * `version ‖ user ‖ session ‖ counter ‖ salt ‖ HMAC-SHA-256(key, all of it)`, 105 bytes, base64url. It can be made again
 * from what the session object stores, so a repeated refresh answers the same successor (after supabase/auth); and it
 * needs both the key and the salt, so neither the secret nor the object's storage alone is enough to forge one.
 */
export async function makeRefreshToken(keyring: Keyring, claims: RefreshTokenClaims): Promise<string> {
  const token = new Uint8Array(MAC_AT + MAC_LENGTH);
  token[0] = VERSION;
  token.set(utf8(ulidOf(claims.userId) + ulidOf(claims.sessionId)), 1);
  new DataView(token.buffer).setUint32(COUNTER_AT, claims.counter);
  token.set(fromBase64Url(claims.salt) ?? [], SALT_AT);
  token.set(fromBase64Url(await keyring.mac("refresh-token", macParts(claims))) ?? [], MAC_AT);
  return toBase64Url(token);
}

function parse(token: string): { readonly claims: RefreshTokenClaims; readonly mac: string } | null {
  const bytes = fromBase64Url(token);
  // A token has exactly one writing.
  if (bytes?.length !== MAC_AT + MAC_LENGTH || bytes[0] !== VERSION || toBase64Url(bytes) !== token) return null;
  const ulids = String.fromCharCode(...bytes.subarray(1, COUNTER_AT));
  if (!/^[0-9A-Z]+$/.test(ulids)) return null;
  const claims = {
    userId: `usr_${ulids.slice(0, ULID_LENGTH)}`,
    sessionId: `ses_${ulids.slice(ULID_LENGTH)}`,
    counter: new DataView(bytes.buffer).getUint32(COUNTER_AT),
    salt: toBase64Url(bytes.subarray(SALT_AT, MAC_AT)),
  };
  return { claims, mac: toBase64Url(bytes.subarray(MAC_AT)) };
}

/** The claims of a token made by this service under a secret it still knows, or null: then nobody else is asked. */
export async function readRefreshToken(keyring: Keyring, token: string): Promise<RefreshTokenClaims | null> {
  const parsed = parse(token);
  if (parsed === null) return null;
  return (await keyring.verify("refresh-token", macParts(parsed.claims), parsed.mac)) ? parsed.claims : null;
}
