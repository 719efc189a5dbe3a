import bcrypt from "bcryptjs";
import { utf8 } from "../../kernel/encoding.ts";

/** bcrypt reads no further; two passwords with these bytes in common would be one. */
export const BCRYPT_MAX_BYTES = 72;
const MAX_COST = 13;
const BCRYPT = /^\$2[aby]\$(\d{2})\$[./A-Za-z0-9]{53}$/;

/** The cost of a bcrypt string; null when it is none, or costs more than may be spent on it. */
export function bcryptCost(stored: string): number | null {
  const cost = Number(BCRYPT.exec(stored)?.[1] ?? Number.NaN);
  return cost >= 4 && cost <= MAX_COST ? cost : null;
}

/** @throws {RangeError} for a password of more than 72 bytes. */
export function bcryptHash(password: string, cost: number): string {
  if (utf8(password).length > BCRYPT_MAX_BYTES) throw new RangeError("bcrypt: the password has more than 72 bytes");
  return bcrypt.hashSync(password, cost);
}

/** A password of more than 72 bytes matches nothing, but takes as long as one that could. */
export function bcryptMatches(password: string, stored: string): boolean {
  const matches = bcrypt.compareSync(password, stored);
  return matches && utf8(password).length <= BCRYPT_MAX_BYTES;
}
