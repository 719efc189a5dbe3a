import { type IpBytes, parseIp } from "../kernel/ip.ts";

/** Where a request came from: `key` to count by, `prefix` coarse enough to show and keep. */
export interface ClientAddress {
  /** An IPv4 address, or the /64 of an IPv6 address, which one customer usually has to himself. */
  readonly key: string;
  /** IPv4 /24 or IPv6 /48. */
  readonly prefix: string;
  readonly bytes: IpBytes;
}

/** The first `count` groups of an IPv6 address, in its shortest hexadecimal digits. */
function groupsOf(bytes: IpBytes, count: number): string {
  const group = (i: number) => (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16);
  return Array.from({ length: count }, (_, i) => group(i)).join(":");
}

/**
 * The client's address from the value of `CF-Connecting-IP`, which Cloudflare sets and a client can't; null when it is
 * missing or no address. No other header is ever looked at: each of them can be forged.
 */
export function clientAddress(connectingIp: string | undefined): ClientAddress | null {
  const bytes = connectingIp === undefined ? null : parseIp(connectingIp);
  if (bytes === null) return null;
  if (bytes.length === 4) {
    return { key: bytes.join("."), prefix: `${bytes.slice(0, 3).join(".")}.0/24`, bytes };
  }
  return { key: `${groupsOf(bytes, 4)}::/64`, prefix: `${groupsOf(bytes, 3)}::/48`, bytes };
}
