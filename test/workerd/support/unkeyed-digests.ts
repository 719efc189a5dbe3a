import { toBase64Url, utf8 } from "../../../src/kernel/encoding.ts";

/** Every order of every selection of `parts`. */
function arrangements(parts: readonly string[]): string[][] {
  return parts.flatMap((part, i) => [
    [part],
    ...arrangements(parts.filter((_, other) => other !== i)).map((rest) => [part, ...rest]),
  ]);
}

const WRITINGS: ((parts: readonly string[]) => string)[] = [
  (parts) => parts.join(""),
  (parts) => parts.join(":"),
  (parts) => parts.join("|"),
  (parts) => parts.join("\0"),
  (parts) => JSON.stringify(parts),
  (parts) => parts.map((part) => `${part.length}:${part}`).join(""),
];

/** What anybody could compute from `parts` without a secret: hashes of all their writings, and HMACs keyed with a part. */
export async function unkeyedDigests(parts: readonly string[]): Promise<string[]> {
  const texts = arrangements(parts).flatMap((chosen) => WRITINGS.map((write) => write(chosen)));
  const keys = await Promise.all(
    parts.map((part) => crypto.subtle.importKey("raw", utf8(part), { name: "HMAC", hash: "SHA-256" }, false, ["sign"])),
  );
  const digests = texts.flatMap((text) => [
    ...["SHA-1", "SHA-256", "SHA-384", "SHA-512"].map((name) => crypto.subtle.digest(name, utf8(text))),
    ...keys.map((key) => crypto.subtle.sign("HMAC", key, utf8(text))),
  ]);
  return (await Promise.all(digests)).map((digest) => toBase64Url(new Uint8Array(digest)));
}
