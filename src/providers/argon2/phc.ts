import type { Argon2Parameters } from "./wasm-argon2.ts";

/** An Argon2id hash as stored. */
export interface Argon2Hash {
  readonly parameters: Argon2Parameters;
  /** Which pepper went into it; null for none. */
  readonly pepperId: string | null;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** The most that a stored hash may ask for: it comes from a database, and verifying allocates what it says. */
const MAX_MEMORY_KIB = 65_536;
const MAX_ITERATIONS = 10;
const MAX_PARALLELISM = 4;

const ARGON2ID =
  /^\$argon2id\$v=19\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,9})(?:,keyid=([A-Za-z0-9+/]{2,11}))?\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,86})$/;

function fromBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return null;
  }
}

function toBase64(bytes: Uint8Array): string {
  return bytes.toBase64({ omitPadding: true });
}

/**
 * The PHC string of a hash. A pepper is named by the format's own `keyid`, so hashes made without one, or with an
 * earlier one, are told apart from those of today.
 */
export function formatPhc({ parameters, pepperId, salt, hash }: Argon2Hash): string {
  const { memoryKiB, iterations, parallelism } = parameters;
  const keyId = pepperId === null ? "" : `,keyid=${pepperId}`;
  return `$argon2id$v=19$m=${memoryKiB},t=${iterations},p=${parallelism}${keyId}$${toBase64(salt)}$${toBase64(hash)}`;
}

/** The hash in a PHC string; null when it is none of ours or costs more than may be spent on it. */
export function parsePhc(text: string): Argon2Hash | null {
  const match = ARGON2ID.exec(text);
  if (match === null) return null;
  const [, memory, iterations, parallelism, keyId, saltText, hashText] = match;
  const parameters = {
    memoryKiB: Number(memory),
    iterations: Number(iterations),
    parallelism: Number(parallelism),
  };
  const salt = fromBase64(saltText ?? "");
  const hash = fromBase64(hashText ?? "");
  if (salt === null || hash === null || !isAffordable(parameters)) return null;
  return { parameters, pepperId: keyId ?? null, salt, hash };
}

function isAffordable({ memoryKiB, iterations, parallelism }: Argon2Parameters): boolean {
  const enough = memoryKiB >= 8 * parallelism;
  return enough && memoryKiB <= MAX_MEMORY_KIB && iterations <= MAX_ITERATIONS && parallelism <= MAX_PARALLELISM;
}
