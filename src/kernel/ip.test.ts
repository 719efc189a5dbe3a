import { describe, expect, it } from "vitest";
import { isInRange, parseIp, parseIpRange } from "./ip.ts";

describe("an address", () => {
  it.each([
    ["0.0.0.0", [0, 0, 0, 0]],
    ["203.0.113.255", [203, 0, 113, 255]],
    ["::ffff:203.0.113.9", [203, 0, 113, 9]],
    ["::FFFF:cb00:7109", [203, 0, 113, 9]],
    ["0:0:0:0:0:ffff:203.0.113.9", [203, 0, 113, 9]],
    ["::", new Array(16).fill(0)],
    ["::1", [...new Array(15).fill(0), 1]],
    ["2001:db8::", [0x20, 1, 0x0d, 0xb8, ...new Array(12).fill(0)]],
    ["2001:DB8:0:0:0:0:0:1", [0x20, 1, 0x0d, 0xb8, ...new Array(11).fill(0), 1]],
    ["::203.0.113.9", [...new Array(12).fill(0), 203, 0, 113, 9]],
  ])("%s is read as its bytes", (text, bytes) => {
    expect(parseIp(text)).toEqual(bytes);
  });

  it.each([
    ["nothing", ""],
    ["a name", "localhost"],
    ["three bytes", "1.2.3"],
    ["five bytes", "1.2.3.4.5"],
    ["a byte above 255", "1.2.3.256"],
    ["a leading zero", "1.2.3.04"],
    ["octal", "0313.0.113.9"],
    ["two zeros", "00.0.0.0"],
    ["hexadecimal", "0xcb.0.113.9"],
    ["one number", "3405803785"],
    ["a sign", "+1.2.3.4"],
    ["a space before", " 1.2.3.4"],
    ["a line break after", "1.2.3.4\n"],
    ["Persian digits", "۱.۲.۳.۴"],
    ["a port", "1.2.3.4:80"],
    ["seven groups", "1:2:3:4:5:6:7"],
    ["nine groups", "1:2:3:4:5:6:7:8:9"],
    ["a double colon for no group", "1:2:3:4::5:6:7:8"],
    ["two double colons", "1::2::3"],
    ["three colons", ":::1"],
    ["a colon at the end", "1:2:3:4:5:6:7:"],
    ["a group of five digits", "12345::"],
    ["a group that is no number", "g::"],
    ["a zone", "fe80::1%eth0"],
    ["brackets", "[::1]"],
    ["IPv4 with a leading zero inside of IPv6", "::ffff:1.2.3.04"],
    ["IPv4 in the middle", "::1.2.3.4:1"],
    ["text as long as a header", "1".repeat(4_000)],
  ])("%s is none", (_what, text) => {
    expect(parseIp(text)).toBeNull();
  });
});

describe("a range", () => {
  it.each([
    ["0.0.0.0/0", 0],
    ["128.0.0.0/1", 1],
    ["203.0.113.0/24", 24],
    ["203.0.113.8/31", 31],
    ["203.0.113.9/32", 32],
    ["203.0.113.9", 32],
    ["::ffff:203.0.113.9", 32],
    ["::/0", 0],
    ["2001:db8::/32", 32],
    ["2001:db8:8000::/33", 33],
    ["2001:db8::1/128", 128],
    ["2001:db8::1", 128],
  ])("%s is read with %i bits", (text, bits) => {
    expect(parseIpRange(text)?.bits).toBe(bits);
  });

  it.each([
    ["no address", "/24"],
    ["no prefix after the slash", "203.0.113.0/"],
    ["two prefixes", "203.0.113.0/24/24"],
    ["a prefix that is too long", "203.0.113.0/33"],
    ["one that is too long for IPv6", "2001:db8::/129"],
    ["a negative one", "203.0.113.0/-1"],
    ["one with a leading zero", "203.0.113.0/024"],
    ["two zeros", "0.0.0.0/00"],
    ["a fraction", "203.0.113.0/24.0"],
    ["a netmask", "203.0.113.0/255.255.255.0"],
    ["spaces", "203.0.113.0 / 24"],
    ["bits set below the prefix", "203.0.113.1/24"],
    ["one bit set below a /31", "203.0.113.9/31"],
    ["bits set below a /0", "0.0.0.1/0"],
    ["bits set below an IPv6 prefix", "2001:db8::1/32"],
    ["the bit below a /33", "2001:db8:4000::/33"],
    ["an address with leading zeros", "203.0.113.00/24"],
    ["a prefix of IPv4 written as IPv6", "::ffff:203.0.113.0/120"],
  ])("%s is none", (_what, text) => {
    expect(parseIpRange(text)).toBeNull();
  });

  it.each([
    ["0.0.0.0/0", ["0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"], ["::", "2001:db8::1"]],
    ["::/0", ["::", "2001:db8::1", "ffff::"], ["0.0.0.0", "::ffff:1.2.3.4"]],
    ["203.0.113.9/32", ["203.0.113.9", "::ffff:203.0.113.9"], ["203.0.113.8", "203.0.113.10", "::203.0.113.9"]],
    ["203.0.113.8/31", ["203.0.113.8", "203.0.113.9"], ["203.0.113.7", "203.0.113.10"]],
    ["203.0.113.0/24", ["203.0.113.0", "203.0.113.255"], ["203.0.112.255", "203.0.114.0"]],
    ["203.0.112.0/23", ["203.0.112.0", "203.0.113.255"], ["203.0.111.255", "203.0.114.0"]],
    ["128.0.0.0/1", ["128.0.0.0", "255.255.255.255"], ["127.255.255.255"]],
    ["2001:db8::1/128", ["2001:db8::1", "2001:DB8:0:0::1"], ["2001:db8::", "2001:db8::2"]],
    ["2001:db8::/32", ["2001:db8::", "2001:db8:ffff:ffff::"], ["2001:db7:ffff::", "2001:db9::"]],
    [
      "2001:db8:8000::/33",
      ["2001:db8:8000::", "2001:db8:ffff::1"],
      ["2001:db8::", "2001:db8:7fff:ffff::", "2001:db9:8000::"],
    ],
  ])("%s has what it should and nothing else", (text, inside, outside) => {
    const range = parseIpRange(text);
    if (range === null) throw new Error(text);
    const has = (address: string) => isInRange(parseIp(address) ?? [], range);
    for (const address of inside) expect(has(address), address).toBe(true);
    for (const address of outside) expect(has(address), address).toBe(false);
  });
});
