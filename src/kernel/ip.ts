const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const LONGEST_ADDRESS = 45;

/** An address as its bytes: 4 of IPv4, 16 of IPv6. IPv4 written as IPv6 (`::ffff:a.b.c.d`) is IPv4. */
export type IpBytes = readonly number[];

/** The addresses that share their first `bits` bits with `bytes`. */
export interface IpRange {
  readonly bytes: IpBytes;
  readonly bits: number;
}

/** The four bytes of a dotted quad; leading zeros are refused, for some readers take them as octal. */
function parseIpv4(text: string): number[] | null {
  const match = IPV4.exec(text);
  if (match === null) return null;
  const parts = match.slice(1);
  const bytes = parts.map(Number);
  return bytes.every((byte, i) => byte <= 255 && String(byte) === parts[i]) ? bytes : null;
}

function parseGroups(text: string): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  for (const part of text.split(":")) {
    if (!/^[0-9a-f]{1,4}$/i.test(part)) return null;
    groups.push(Number.parseInt(part, 16));
  }
  return groups;
}

/** The eight groups of an IPv6 address, whichever way it is written. */
function parseIpv6(text: string): number[] | null {
  const tail = text.slice(text.lastIndexOf(":") + 1);
  const quad = tail.includes(".") ? parseIpv4(tail) : undefined;
  if (quad === null || !text.includes(":")) return null;
  const [a = 0, b = 0, c = 0, d = 0] = quad ?? [];
  const hex = quad
    ? `${text.slice(0, -tail.length)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
    : text;
  const halves = hex.split("::");
  const parsed = halves.map(parseGroups);
  const [head, rest] = parsed;
  if (!head || parsed.includes(null)) return null;
  if (halves.length === 1) return head.length === 8 ? head : null;
  if (halves.length !== 2 || !rest || head.length + rest.length > 7) return null;
  return [...head, ...new Array<number>(8 - head.length - rest.length).fill(0), ...rest];
}

/** The bytes of an address, or null when the text is none. */
export function parseIp(text: string): IpBytes | null {
  if (text.length > LONGEST_ADDRESS) return null;
  const quad = parseIpv4(text);
  if (quad) return quad;
  const groups = parseIpv6(text);
  if (groups === null) return null;
  const bytes = groups.flatMap((group) => [group >> 8, group & 255]);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  return isMapped ? bytes.slice(12) : bytes;
}

/** A range in CIDR writing, or a single address; null when the text is neither, or has bits set below its prefix. */
export function parseIpRange(text: string): IpRange | null {
  const [address = "", prefix, ...rest] = text.split("/");
  const bytes = parseIp(address);
  if (bytes === null || rest.length > 0) return null;
  // A prefix of a mapped address counts IPv6 bits; nobody writes that on purpose.
  if (bytes.length === 4 && address.includes(":") && prefix !== undefined) return null;
  if (prefix === undefined) return { bytes, bits: bytes.length * 8 };
  if (!/^(0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > bytes.length * 8) return null;
  const range = { bytes, bits: Number(prefix) };
  return bytes.every((byte, i) => (byte & ~maskOf(range.bits, i) & 255) === 0) ? range : null;
}

/** The mask of the byte at `index` under a prefix of `bits`. */
function maskOf(bits: number, index: number): number {
  return (0xff00 >> Math.min(8, Math.max(0, bits - index * 8))) & 255;
}

export function isInRange(bytes: IpBytes, range: IpRange): boolean {
  if (bytes.length !== range.bytes.length) return false;
  return bytes.every((byte, i) => ((byte ^ (range.bytes[i] as number)) & maskOf(range.bits, i)) === 0);
}
