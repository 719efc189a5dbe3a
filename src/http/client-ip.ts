/** Where a request came from: `key` to count by, `prefix` coarse enough to show and keep. */
export interface ClientAddress {
  /** An IPv4 address, or the /64 of an IPv6 address, which one customer usually has to himself. */
  readonly key: string;
  /** IPv4 /24 or IPv6 /48. */
  readonly prefix: string;
}

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const LONGEST_ADDRESS = 45;

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

function ofIpv4(bytes: readonly number[]): ClientAddress {
  return { key: bytes.join("."), prefix: `${bytes.slice(0, 3).join(".")}.0/24` };
}

/**
 * The client's address from the value of `CF-Connecting-IP`, which Cloudflare sets and a client can't; null when it is
 * missing or no address. No other header is ever looked at: each of them can be forged.
 */
export function clientAddress(connectingIp: string | undefined): ClientAddress | null {
  if (connectingIp === undefined || connectingIp.length > LONGEST_ADDRESS) return null;
  const quad = parseIpv4(connectingIp);
  if (quad) return ofIpv4(quad);
  const groups = parseIpv6(connectingIp);
  if (groups === null) return null;
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const [high = 0, low = 0] = groups.slice(6);
    return ofIpv4([high >> 8, high & 255, low >> 8, low & 255]);
  }
  const hex = groups.map((group) => group.toString(16));
  return { key: `${hex.slice(0, 4).join(":")}::/64`, prefix: `${hex.slice(0, 3).join(":")}::/48` };
}
