import type { AuditSubject } from "./audit.ts";
import type { Keyring } from "./keyring.ts";

const pseudonymOf = (mac: string) => `phn_${mac.slice(0, 22)}`;

/** Whose log an event about a phone belongs to, whether or not it has an account. */
export async function phoneSubject(keyring: Keyring, phone: string): Promise<AuditSubject> {
  return { phone, pseudonym: pseudonymOf(await keyring.mac("phone", [phone])) };
}

/** Every name the log may have for a phone, under the secrets that are still known. */
export async function phonePseudonyms(keyring: Keyring, phone: string): Promise<string[]> {
  return (await keyring.macs("phone", [phone])).map(pseudonymOf);
}
