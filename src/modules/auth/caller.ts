import type { AuditStamp, AuditSubject } from "../../kernel/audit.ts";
import type { Keyring } from "../../kernel/keyring.ts";
import type { SessionClient } from "../../ports/session-store.ts";

/** Who calls a public route: nobody in particular, from somewhere. */
export interface Caller {
  /** What requests from there are counted by. */
  readonly addressKey: string;
  readonly client: SessionClient;
  /** Says that the device has signed in before; see `known-device.ts`. */
  readonly deviceToken: string | null;
  readonly audit: AuditStamp;
}

/** Whose log an event about a phone belongs to, whether or not it has an account. */
export async function phoneSubject(keyring: Keyring, phone: string): Promise<AuditSubject> {
  return { phone, pseudonym: `phn_${(await keyring.mac("phone", [phone])).slice(0, 22)}` };
}
