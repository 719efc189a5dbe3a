import { utf8 } from "../../kernel/encoding.ts";
import { deriveBytes } from "../../kernel/keyring.ts";

/** A secret that goes into every hash and is kept away from the database. */
export interface Pepper {
  /** 6 bytes derived from the secret, base64; stored with each hash and worthless without the secret. */
  readonly id: string;
  /** HMAC-SHA-256 of the password. */
  apply(password: string): Promise<Uint8Array>;
}

/** The pepper of a secret; keys come from it by HKDF-SHA-256. */
export async function createPepper(secret: string): Promise<Pepper> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const [id, raw] = await Promise.all([
    deriveBytes(secret, "password-pepper/id/v1", 6),
    deriveBytes(secret, "password-pepper/v1", 32),
  ]);
  const key = await crypto.subtle.importKey("raw", raw, algorithm, false, ["sign"]);
  return {
    id: id.toBase64(),
    apply: async (password) => new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8(password))),
  };
}
