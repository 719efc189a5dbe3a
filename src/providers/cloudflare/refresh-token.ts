import { fromBase64Url, toBase64Url, utf8 } from "../../kernel/encoding.ts";
import type { Keyring } from "../../kernel/keyring.ts";

const VERSION = 1;
const ULID_LENGTH = 26;
const MAC_LENGTH = 32;
const HEAD_LENGTH = 1 + 2 * ULID_LENGTH + 4;

/** What a refresh token says, still unproven. */
export interface RefreshTokenClaims {
  readonly userId: string;
  readonly sessionId: string;
  readonly counter: number;
}

export interface ParsedRefreshToken extends RefreshTokenClaims {
  /** base64url; to be checked with {@link isGenuine} once the session's salt is known. */
  readonly mac: string;
}

function macParts({ userId, sessionId, counter }: RefreshTokenClaims, salt: string): string[] {
  return [String(VERSION), userId, sessionId, String(counter), salt];
}

function ulidOf(id: string): string {
  return id.slice(id.indexOf("_") + 1);
}

/**
 * `version ‖ user ‖ session ‖ counter ‖ HMAC-SHA-256(key, all of it ‖ session salt)`, 89 bytes, base64url. It can be
 * made again from what the session object stores, so a repeated refresh answers the same successor (after supabase/auth).
 */
export async function makeRefreshToken(keyring: Keyring, claims: RefreshTokenClaims, salt: string): Promise<string> {
  const mac = fromBase64Url(await keyring.mac("refresh-token", macParts(claims, salt)));
  const token = new Uint8Array(HEAD_LENGTH + MAC_LENGTH);
  token[0] = VERSION;
  token.set(utf8(ulidOf(claims.userId) + ulidOf(claims.sessionId)), 1);
  new DataView(token.buffer).setUint32(HEAD_LENGTH - 4, claims.counter);
  token.set(mac ?? [], HEAD_LENGTH);
  return toBase64Url(token);
}

/** The parts of a well-formed token, or null; a token has exactly one writing. */
export function parseRefreshToken(token: string): ParsedRefreshToken | null {
  const bytes = fromBase64Url(token);
  if (bytes?.length !== HEAD_LENGTH + MAC_LENGTH || bytes[0] !== VERSION || toBase64Url(bytes) !== token) return null;
  const ulids = String.fromCharCode(...bytes.subarray(1, 1 + 2 * ULID_LENGTH));
  if (!/^[0-9A-Z]+$/.test(ulids)) return null;
  return {
    userId: `usr_${ulids.slice(0, ULID_LENGTH)}`,
    sessionId: `ses_${ulids.slice(ULID_LENGTH)}`,
    counter: new DataView(bytes.buffer).getUint32(HEAD_LENGTH - 4),
    mac: toBase64Url(bytes.subarray(HEAD_LENGTH)),
  };
}

/** Whether the token was made by this service for a session with this salt, under the present or the previous secret. */
export function isGenuine(keyring: Keyring, token: ParsedRefreshToken, salt: string): Promise<boolean> {
  return keyring.verify("refresh-token", macParts(token, salt), token.mac);
}
