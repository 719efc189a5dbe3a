import type { PasswordHashing } from "../../kernel/config.ts";
import { utf8 } from "../../kernel/encoding.ts";
import { isCommonPassword } from "./common-passwords.ts";
import { toAsciiDigits } from "./phone.ts";

export const PASSWORD_MIN = 10;
export const PASSWORD_MAX = 128;
const MAX_BYTES = 512;
const BCRYPT_MAX_BYTES = 72;

export interface PasswordProblem {
  readonly code: string;
  readonly message: string;
}

/** One text has one form, however a keyboard composes its letters; done before hashing and before comparing. */
export function canonicalPassword(password: string): string {
  return password.normalize("NFC");
}

/** What keeps a text from being anybody's password: it is checked at login too, before anything is hashed. */
export function unusablePassword(password: string): PasswordProblem | null {
  if (password === "") return { code: "too_short", message: "The password is empty." };
  if (password.length > MAX_BYTES || [...password].length > PASSWORD_MAX || utf8(password).length > MAX_BYTES) {
    return { code: "too_long", message: `A password has at most ${PASSWORD_MAX} characters and ${MAX_BYTES} bytes.` };
  }
  if (password.includes("\u0000") || !password.isWellFormed()) {
    return { code: "invalid_characters", message: "The password has characters that no keyboard sends." };
  }
  return null;
}

/** What is wrong with a new password, or null. Every other character is welcome and none is asked for. */
export function newPasswordProblem(password: string): PasswordProblem | null {
  const unusable = unusablePassword(password);
  if (unusable !== null) return unusable;
  if ([...password].length < PASSWORD_MIN) {
    return { code: "too_short", message: `A password has at least ${PASSWORD_MIN} characters.` };
  }
  return isCommonPassword(password)
    ? { code: "common_password", message: "This password is among the first that are guessed. Choose another." }
    : null;
}

/** What is wrong with a new password for this phone under this algorithm, or null. */
export function accountPasswordProblem(
  password: string,
  phone: string,
  hashing: PasswordHashing,
): PasswordProblem | null {
  if (toAsciiDigits(password).replace(/\D/g, "").endsWith(phone.slice(-10)) && !/\p{L}/u.test(password)) {
    return { code: "common_password", message: "The password must not be your phone number." };
  }
  if (hashing.algorithm === "bcrypt" && utf8(password).length > BCRYPT_MAX_BYTES) {
    return { code: "too_long", message: `A password has at most ${BCRYPT_MAX_BYTES} bytes.` };
  }
  return null;
}
