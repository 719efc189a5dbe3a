import { type CountryCode, getCountryCallingCode, isSupportedCountry, parsePhoneNumber } from "libphonenumber-js/core";
import metadata from "libphonenumber-js/mobile/metadata";

export interface PhoneRules {
  /** Whose national writing (`09…`, `98…`) is understood. */
  readonly defaultCountry: string;
  /** Whose numbers are accepted. */
  readonly countries: readonly string[];
}

/** Whether numbers of a country, by its two letters, are known at all. */
export function isKnownCountry(code: string): boolean {
  return isSupportedCountry(code as CountryCode, metadata);
}

/** The longest writing that is looked at; E.164 has 15 digits. */
export const LONGEST_PHONE = 32;

/** Code points of a digit zero: Arabic-Indic, Persian, full-width. */
const ZEROS = [0x0660, 0x06f0, 0xff10];

/** Maps Arabic-Indic, Persian and full-width digits to ASCII; every other character stays. NFKC would leave Persian ones. */
export function toAsciiDigits(text: string): string {
  return text.replace(/[\u0660-\u0669\u06f0-\u06f9\uff10-\uff19]/g, (digit) => {
    const code = digit.charCodeAt(0);
    return String(code - (ZEROS.findLast((zero) => code >= zero) ?? code));
  });
}

/** International writing of what was typed, still unchecked; null when it is neither national nor international. */
function internationalWriting(typed: string, callingCode: string): string | null {
  if (typed.startsWith("+")) return typed;
  if (typed.startsWith("00")) return `+${typed.slice(2)}`;
  if (typed.startsWith("0")) return `+${callingCode}${typed.slice(1)}`;
  return typed.startsWith(callingCode) ? `+${typed}` : null;
}

/**
 * The E.164 form of a mobile number of an accepted country, or null. One number has one form however it is written;
 * characters that can't be seen, and all others beside digits, spaces, `-`, `(`, `)` and a leading `+`, are refused.
 */
export function normalizePhone(text: string, rules: PhoneRules): string | null {
  if (text.length > LONGEST_PHONE || !isSupportedCountry(rules.defaultCountry as CountryCode, metadata)) return null;
  const typed = toAsciiDigits(text).replace(/[ ()-]/g, "");
  const callingCode = getCountryCallingCode(rules.defaultCountry as CountryCode, metadata);
  const international = internationalWriting(typed, callingCode);
  if (international === null || !/^\+[1-9]\d{7,14}$/.test(international)) return null;
  const parsed = parse(international);
  // A parser that has to mend the number (a stray national 0, say) would give one person two forms.
  if (parsed === null || parsed.number !== international || !parsed.isValid()) return null;
  return parsed.country !== undefined && rules.countries.includes(parsed.country) ? international : null;
}

/** The country of a phone that {@link normalizePhone} has accepted. */
export function countryOf(phone: string): string {
  return parse(phone)?.country ?? "unknown";
}

/** The "mobile" metadata knows mobile ranges alone, so there a valid number is a mobile one. */
function parse(international: string) {
  try {
    return parsePhoneNumber(international, { extract: false }, metadata);
  } catch {
    return null;
  }
}
