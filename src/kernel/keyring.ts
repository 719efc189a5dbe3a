import { toBase64Url, utf8 } from "./encoding.ts";

/** What a derived key is for; a MAC made for one purpose is worthless for another. */
export type KeyPurpose = "otp" | "signed-url" | "cursor" | "refresh-token";

/** Keyed MACs under keys derived from the service's master secrets by HKDF-SHA-256. */
export interface Keyring {
  /** HMAC-SHA-256 of the parts under the active key, base64url. Parts are length-prefixed: no two lists collide. */
  mac(purpose: KeyPurpose, parts: readonly string[]): Promise<string>;
  /** The MACs under the active and the previous secret, the active one first, to look a stored MAC up by. */
  macs(purpose: KeyPurpose, parts: readonly string[]): Promise<readonly string[]>;
  /** Whether `mac` is what the active or the previous secret gives; compared in constant time. */
  verify(purpose: KeyPurpose, parts: readonly string[], mac: string): Promise<boolean>;
}

/** HKDF-SHA-256 output for `info`; the one way in which secrets become keys. */
export async function deriveBytes(secret: string, info: string, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const base = await crypto.subtle.importKey("raw", utf8(secret), "HKDF", false, ["deriveBits"]);
  const params = { name: "HKDF", hash: "SHA-256", salt: utf8("ai-styler"), info: utf8(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(params, base, length * 8));
}

function joined(parts: readonly string[]): Uint8Array<ArrayBuffer> {
  return utf8(parts.map((part) => `${utf8(part).length}:${part}`).join(""));
}

function constantTimeEqual(a: string, b: string): boolean {
  const left = utf8(a);
  const right = utf8(b);
  return left.length === right.length && crypto.subtle.timingSafeEqual(left, right);
}

/** `secrets` lists the active master secret first, then those that still verify. Keys are derived once each. */
export function createKeyring(secrets: readonly [string, ...string[]]): Keyring {
  // Keys, not promises of them: a promise made by a request that is cancelled would never settle for the others.
  const keys = new Map<string, CryptoKey>();

  async function keyFor(index: number, purpose: KeyPurpose): Promise<CryptoKey> {
    const name = `${index}/${purpose}`;
    const known = keys.get(name);
    if (known) return known;
    const raw = await deriveBytes(secrets[index] as string, `mac/${purpose}/v1`, 32);
    const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    keys.set(name, key);
    return key;
  }

  async function macWith(index: number, purpose: KeyPurpose, parts: readonly string[]): Promise<string> {
    const signature = await crypto.subtle.sign("HMAC", await keyFor(index, purpose), joined(parts));
    return toBase64Url(new Uint8Array(signature));
  }

  return {
    mac: (purpose, parts) => macWith(0, purpose, parts),
    macs: (purpose, parts) => Promise.all(secrets.map((_, index) => macWith(index, purpose, parts))),
    async verify(purpose, parts, mac) {
      for (let index = 0; index < secrets.length; index++) {
        if (constantTimeEqual(await macWith(index, purpose, parts), mac)) return true;
      }
      return false;
    },
  };
}
