import { fromBase64Url, toBase64Url, utf8 } from "./encoding.ts";

/** What a derived key is for; a MAC made for one purpose is worthless for another. */
export type KeyPurpose = "otp" | "phone" | "signed-url" | "cursor" | "refresh-token" | "known-device" | "rate-limit";

/** What is kept readable for the service alone. */
export type SealPurpose = "sms";

/** Keyed MACs and sealed texts under keys derived from the service's master secrets by HKDF-SHA-256. */
export interface Keyring {
  /** HMAC-SHA-256 of the parts under the active key, base64url. Parts are length-prefixed: no two lists collide. */
  mac(purpose: KeyPurpose, parts: readonly string[]): Promise<string>;
  /** The MACs under every known secret, the active one first, to look a stored MAC up by. */
  macs(purpose: KeyPurpose, parts: readonly string[]): Promise<readonly string[]>;
  /** Whether `mac` is what one of the known secrets gives; compared in constant time. */
  verify(purpose: KeyPurpose, parts: readonly string[], mac: string): Promise<boolean>;
  /**
   * Three MACs at the price of one, for three things that are signed together: HMAC-SHA-512 of the parts under the
   * active key, of which each gets 168 bits, base64url.
   */
  macThree(purpose: KeyPurpose, parts: readonly string[]): Promise<readonly [string, string, string]>;
  /** Whether `mac` is the one of {@link macThree} at `index` under one of the known secrets; compared in constant time. */
  verifyOfThree(purpose: KeyPurpose, parts: readonly string[], index: number, mac: string): Promise<boolean>;
  /** AES-256-GCM under the active key with a random nonce, base64url. */
  seal(purpose: SealPurpose, text: string): Promise<string>;
  /** The sealed text, or null when it was altered or sealed under a secret that is no longer known. */
  unseal(purpose: SealPurpose, sealed: string): Promise<string | null>;
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

const NONCE_BYTES = 12;
/** In base64url, 168 bits. */
const THIRD_CHARS = 28;

async function unsealWith(key: CryptoKey, bytes: Uint8Array<ArrayBuffer>): Promise<string | null> {
  try {
    const params = { name: "AES-GCM", iv: bytes.subarray(0, NONCE_BYTES) };
    return new TextDecoder().decode(await crypto.subtle.decrypt(params, key, bytes.subarray(NONCE_BYTES)));
  } catch {
    return null;
  }
}

/** `secrets` lists the active master secret first, then those that still verify. Keys are derived once each. */
export function createKeyring(secrets: readonly [string, ...string[]]): Keyring {
  // Keys, not promises of them: a promise made by a request that is cancelled would never settle for the others.
  const keys = new Map<string, CryptoKey>();

  async function keyFor(
    index: number,
    use: "mac" | "mac-three" | "seal",
    purpose: KeyPurpose | SealPurpose,
  ): Promise<CryptoKey> {
    const name = `${use}/${index}/${purpose}`;
    const known = keys.get(name);
    if (known) return known;
    const raw = await deriveBytes(secrets[index] as string, `${use}/${purpose}/v1`, 32);
    const hash = use === "mac" ? "SHA-256" : "SHA-512";
    const key =
      use === "seal"
        ? await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"])
        : await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash }, false, ["sign"]);
    keys.set(name, key);
    return key;
  }

  async function macWith(
    index: number,
    purpose: KeyPurpose,
    parts: readonly string[],
    use: "mac" | "mac-three" = "mac",
  ): Promise<string> {
    const signature = await crypto.subtle.sign("HMAC", await keyFor(index, use, purpose), joined(parts));
    return toBase64Url(new Uint8Array(signature));
  }

  async function threeWith(index: number, purpose: KeyPurpose, parts: readonly string[]) {
    const mac = await macWith(index, purpose, parts, "mac-three");
    const third = (at: number) => mac.slice(at * THIRD_CHARS, (at + 1) * THIRD_CHARS);
    return [third(0), third(1), third(2)] as const;
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
    macThree: (purpose, parts) => threeWith(0, purpose, parts),
    async verifyOfThree(purpose, parts, at, mac) {
      for (let index = 0; index < secrets.length; index++) {
        const expected = (await threeWith(index, purpose, parts))[at];
        if (expected !== undefined && constantTimeEqual(expected, mac)) return true;
      }
      return false;
    },
    async seal(purpose, text) {
      const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
      const key = await keyFor(0, "seal", purpose);
      const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, utf8(text)));
      const bytes = new Uint8Array(NONCE_BYTES + sealed.length);
      bytes.set(iv);
      bytes.set(sealed, NONCE_BYTES);
      return toBase64Url(bytes);
    },
    async unseal(purpose, sealed) {
      const bytes = fromBase64Url(sealed);
      if (bytes === null) return null;
      for (let index = 0; index < secrets.length; index++) {
        const text = await unsealWith(await keyFor(index, "seal", purpose), bytes);
        if (text !== null) return text;
      }
      return null;
    },
  };
}
