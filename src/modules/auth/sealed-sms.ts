import { z } from "zod";
import type { Keyring } from "../../kernel/keyring.ts";
import { OTP_PURPOSES, type OtpPurpose } from "./repository.ts";

/** A message to a phone, as it waits in the outbox. */
export interface PendingSms {
  /** E.164. */
  readonly to: string;
  readonly code: string;
  readonly purpose: OtpPurpose;
}

const schema = z.object({
  to: z.string(),
  code: z.string(),
  purpose: z.enum(OTP_PURPOSES),
});

/** Readable only with the service's secret: whoever gets hold of the database learns no code and no phone from it. */
export function sealSms(keyring: Keyring, message: PendingSms): Promise<string> {
  return keyring.seal("sms", JSON.stringify(message));
}

export async function unsealSms(keyring: Keyring, sealed: string): Promise<PendingSms | null> {
  const text = await keyring.unseal("sms", sealed);
  return text === null ? null : schema.parse(JSON.parse(text));
}
