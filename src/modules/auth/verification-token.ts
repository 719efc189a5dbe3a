import { sha256Hex, toBase64Url, utf8 } from "../../kernel/encoding.ts";

/** 256 random bits, base64url. */
export function newVerificationToken(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(32)));
}

/** What is stored of a token. It has 256 bits of its own, so a plain hash can't be searched. */
export function hashVerificationToken(token: string): Promise<string> {
  return sha256Hex(utf8(token));
}
