import { expect, it } from "vitest";
import { clientAddress } from "./client-ip.ts";

it("keys IPv4 by address and shows its /24", () => {
  expect(clientAddress("203.0.113.77")).toMatchObject({ key: "203.0.113.77", prefix: "203.0.113.0/24" });
});

it("keys IPv6 by /64 and shows its /48, however it is written", () => {
  const expected = { key: "2001:db8:1:2::/64", prefix: "2001:db8:1::/48" };
  for (const text of ["2001:db8:1:2::9", "2001:0DB8:0001:0002:ffff:0:0:1", "2001:db8:1:2:3:4:5:6"]) {
    expect(clientAddress(text)).toMatchObject(expected);
  }
  expect(clientAddress("::1")?.key).toBe("0:0:0:0::/64");
});

it("gives a thousand addresses of one /64 one key", () => {
  const keys = new Set(Array.from({ length: 1000 }, (_, i) => clientAddress(`2001:db8:1:2::${i.toString(16)}`)?.key));
  expect(keys.size).toBe(1);
});

it("takes an IPv4-mapped address for the IPv4 address", () => {
  expect(clientAddress("::ffff:1.2.3.4")).toEqual(clientAddress("1.2.3.4"));
  expect(clientAddress("::FFFF:0102:0304")).toEqual(clientAddress("1.2.3.4"));
  expect(clientAddress("0:0:0:0:0:ffff:1.2.3.4")).toEqual(clientAddress("1.2.3.4"));
});

it.each([
  undefined,
  "",
  "1.2.3",
  "1.2.3.256",
  "010.0.0.1",
  "10.0.0.1.evil",
  "1.2.3.4, 5.6.7.8",
  "2001:db8",
  "1:2:3:4:5:6:7:8:9",
  "1::2::3",
  "::1.2.3.256",
  "12345::",
  "fe80::1%eth0",
  ":".repeat(5000),
])("refuses %s", (text) => {
  expect(clientAddress(text)).toBeNull();
});
