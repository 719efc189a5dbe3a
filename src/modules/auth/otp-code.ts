import type { Keyring } from "../../kernel/keyring.ts";
import { toAsciiDigits } from "./phone.ts";
import type { OtpPurpose } from "./repository.ts";

const DIGITS = 6;
const CODES = 10 ** DIGITS;
/** The greatest multiple of {@link CODES} below 2³²: numbers from there on would favour some codes and are thrown away. */
const UNBIASED_BELOW = Math.floor(2 ** 32 / CODES) * CODES;

/** Six decimal digits, leading zeros included, all equally likely. */
export function newOtpCode(random: () => number = randomUint32): string {
  let number = random();
  while (number >= UNBIASED_BELOW) number = random();
  return String(number % CODES).padStart(DIGITS, "0");
}

function randomUint32(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] as number;
}

/** Six digits of any script as ASCII; null when the text is something else. */
export function readOtpCode(text: string): string | null {
  const code = toAsciiDigits(text);
  return /^\d{6}$/.test(code) ? code : null;
}

/** What a code is good for. A MAC binds all of it: a code for another phone, purpose or challenge is just a wrong code. */
export interface CodeBinding {
  readonly purpose: OtpPurpose;
  readonly phone: string;
  readonly challengeId: string;
  readonly code: string;
}

/** The MACs of a code under the active secret and, second, the previous one: a rotation leaves live codes valid. */
export function codeMacs(keyring: Keyring, binding: CodeBinding): Promise<readonly string[]> {
  return keyring.macs("otp", [binding.purpose, binding.phone, binding.challengeId, binding.code]);
}
