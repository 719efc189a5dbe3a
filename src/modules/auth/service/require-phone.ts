import { invalidField } from "../../../kernel/app-error.ts";
import type { Config } from "../../../kernel/config.ts";
import { normalizePhone } from "../phone.ts";

/** The phone in E.164. @throws {AppError} 422 for anything but a mobile number of an accepted country. */
export function requirePhone(config: Pick<Config, "otp">, text: string): string {
  const phone = normalizePhone(text, config.otp);
  if (phone === null) throw invalidField("phone", "invalid_phone", "This is no mobile number that is accepted here.");
  return phone;
}
