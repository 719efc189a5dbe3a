export const ID_PREFIXES = [
  "usr",
  "img",
  "cnv",
  "ses",
  "chl",
  "evt",
  "pay",
  "whk",
  "shr",
  "aud",
  "obx",
  "sms",
  "grt",
  "pcl",
  "dlt",
  "dev",
  "anon",
] as const;
export type IdPrefix = (typeof ID_PREFIXES)[number];

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const MAX_ULID_MS = 2 ** 48 - 1;

/** A ULID: 48 bits of time, then 80 random bits, in 26 Crockford base-32 characters that sort by time. */
function ulid(epochMs: number): string {
  let random = "";
  for (const byte of crypto.getRandomValues(new Uint8Array(16))) random += CROCKFORD.charAt(byte & 31);
  return ulidTime(epochMs) + random;
}

function ulidTime(epochMs: number): string {
  let time = "";
  for (let rest = epochMs, i = 0; i < 10; i++) {
    time = CROCKFORD.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  return time;
}

/** The smallest id of a time: ids of the prefix made at `epochMs` or later are not below it, earlier ones are. */
export function idBound(prefix: IdPrefix, epochMs: number): string {
  return `${prefix}_${ulidTime(Math.min(Math.max(0, epochMs), MAX_ULID_MS))}${"0".repeat(16)}`;
}

/** A new id, `<prefix>_<ULID>`; ids of one prefix sort by their creation time. */
export function newId(prefix: IdPrefix, epochMs: number): string {
  return `${prefix}_${ulid(epochMs)}`;
}

/** The id of a conversion's result image: derived, so that two workers finishing one job name the same image. */
export function resultImageId(conversionId: string): string {
  return `img_${conversionId.slice(conversionId.indexOf("_") + 1)}`;
}
