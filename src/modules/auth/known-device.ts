import { newId } from "../../kernel/ids.ts";
import type { Keyring } from "../../kernel/keyring.ts";

/** A device that nobody has signed in on for this long is like any other. */
const LIFE_MS = 180 * 24 * 3_600_000;
/** A token is replaced by a fresh one once it is this old. */
const RENEW_MS = 30 * 24 * 3_600_000;
const TOKEN = /^(dev_[0-9A-HJKMNP-TV-Z]{26})\.(\d{1,15})\.([A-Za-z0-9_-]{43})$/;

function parts(phone: string, device: string, issuedAt: number): string[] {
  return [phone, device, String(issuedAt)];
}

/**
 * A token that proves that its holder has signed in with this phone before (OWASP Authentication Cheat Sheet, "device
 * cookies"): failed logins of strangers are counted apart, and so can't lock the owner out. It opens nothing by itself.
 */
export async function newDeviceToken(keyring: Keyring, phone: string, now: number): Promise<string> {
  const device = newId("dev", now);
  return `${device}.${now}.${await keyring.mac("known-device", parts(phone, device, now))}`;
}

/** Whether the token was issued for this phone, and whether it should be replaced. */
export async function readDeviceToken(
  keyring: Keyring,
  phone: string,
  token: string | null,
  now: number,
): Promise<{ readonly known: boolean; readonly renew: boolean }> {
  const match = TOKEN.exec(token ?? "");
  if (match === null) return { known: false, renew: true };
  const [, device = "", issued = "", mac = ""] = match;
  const issuedAt = Number(issued);
  const isGenuine = await keyring.verify("known-device", parts(phone, device, issuedAt), mac);
  const known = isGenuine && now - issuedAt < LIFE_MS;
  return { known, renew: !known || now - issuedAt >= RENEW_MS };
}
