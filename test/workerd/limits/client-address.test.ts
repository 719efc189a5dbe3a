import { exports } from "cloudflare:workers";
import { expect, it } from "vitest";
import { newId } from "../../../src/kernel/ids.ts";
import { apiRequest, newPhone, PASSWORD, randomIp } from "../support/client.ts";
import { bindings } from "../support/database.ts";
import { countStatuses, send, sendsWritten, times, watchedLimiter } from "../support/limited.ts";
import { storedRows } from "../support/limiter-object.ts";

const TWO = { RATE_LIMIT_OTP_PER_IP: "2" };

const FORGEABLE = [
  "X-Forwarded-For",
  "X-Real-IP",
  "Forwarded",
  "True-Client-IP",
  "X-Client-IP",
  "Client-IP",
  "X-Cluster-Client-IP",
  "CF-Connecting-IPv6",
  "CF-Pseudo-IPv4",
  "Fastly-Client-IP",
  "X-Request-Source",
] as const;

it.each(FORGEABLE)("%s changes neither who is limited nor who is not", async (name) => {
  const ip = randomIp();
  const forged = (value: string) => ({ [name]: name === "Forwarded" ? `for=${value}` : value });
  for (const status of [202, 202, 429, 429]) {
    const response = await send(TWO, newPhone(), { ip, headers: forged(randomIp()) });
    expect(response.status).toBe(status);
  }
  // Whoever forges the victim's address does not use up what is the victim's.
  for (let i = 0; i < 3; i++) {
    expect((await send(TWO, newPhone(), { headers: forged(ip) })).status).toBe(202);
  }
});

it("a telegram-bot in X-Request-Source is limited like anybody else", async () => {
  const headers = { "X-Request-Source": "telegram-bot" };
  const phone = newPhone();
  const env = { RATE_LIMIT_OTP_PER_PHONE: "3" };
  expect(countStatuses(await times(20, () => send(env, phone, { headers })))).toEqual({ 202: 3, 429: 17 });
});

it("a thousand addresses of one /64 are one caller, and those of the next /64 another", async () => {
  const block = crypto.getRandomValues(new Uint16Array(2));
  const network = `2001:db8:${(block[0] ?? 0).toString(16)}:${((block[1] ?? 0) & 0xfff0).toString(16)}`;
  const hosts = crypto.getRandomValues(new Uint16Array(1_000));
  const responses = await times(1_000, (i) =>
    send(TWO, newPhone(), { ip: `${network}::${i}:${hosts[i]?.toString(16)}` }),
  );
  expect(countStatuses(responses)).toEqual({ 202: 2, 429: 998 });
  const neighbour = `${network.slice(0, -1)}${network.endsWith("1") ? "2" : "1"}::1`;
  expect((await send(TWO, newPhone(), { ip: neighbour })).status).toBe(202);
});

it("an IPv4 address written as IPv6 is the IPv4 address", async () => {
  const ip = randomIp();
  const [a = 0, b = 0, c = 0, d = 0] = ip.split(".").map(Number);
  const inHex = `::ffff:${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  const statuses: number[] = [];
  for (const writing of [ip, `::ffff:${ip}`, inHex, `0:0:0:0:0:FFFF:${ip}`]) {
    statuses.push((await send(TWO, newPhone(), { ip: writing })).status);
  }
  expect(statuses).toEqual([202, 202, 429, 429]);
});

const token = "A".repeat(43);
const PUBLIC_ROUTES: [string, object][] = [
  ["send-otp", { phone: newPhone(), purpose: "register" }],
  ["verify-otp", { phone: newPhone(), purpose: "register", challengeId: newId("chl", 0), code: "123456" }],
  ["register", { verificationToken: token, password: PASSWORD }],
  ["login", { phone: newPhone(), password: PASSWORD }],
  ["refresh", { refreshToken: token }],
  ["password/reset", { verificationToken: token, newPassword: PASSWORD }],
];
const NO_ADDRESS = [
  null,
  "",
  "unknown",
  "1.2.3",
  "1.2.3.256",
  "010.0.0.1",
  "0x0a.0.0.1",
  "10.0.0.1.evil",
  "1.2.3.4, 5.6.7.8",
  "1.2.3.4:80",
  "[2001:db8::1]",
  "2001:db8::1%eth0",
  "::ffff:1.2.3.256",
];

it.each(PUBLIC_ROUTES)(
  "without the address of its caller %s is 400, counts nothing and writes nothing",
  async (path, json) => {
    const before = await sendsWritten();
    const from: Record<string, string> = { "X-Forwarded-For": "203.0.113.1", "True-Client-IP": "203.0.113.1" };
    for (const address of NO_ADDRESS) {
      const request = apiRequest(`/api/auth/${path}`, { json, headers: from });
      if (address === null) request.headers.delete("CF-Connecting-IP");
      else request.headers.set("CF-Connecting-IP", address);
      const response = await exports.default.fetch(request);
      expect(response.status, String(address)).toBe(400);
      expect(await response.json()).toMatchObject({ code: "malformed_request" });
      expect(response.headers.has("ratelimit")).toBe(false);
    }
    expect(await sendsWritten()).toEqual(before);
  },
);

it("neither the name nor the rows of a limiter's object tell a phone or an address", async () => {
  const limiter = watchedLimiter();
  const [phone, ip] = [newPhone(), "203.0.113.77"];
  expect((await send({ RATE_LIMITER: limiter }, phone, { ip })).status).toBe(202);
  const names = new Set(limiter.names);
  expect(names.size).toBe(4);
  for (const name of names) {
    expect(name).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const rows = await storedRows(bindings.RATE_LIMITER.getByName(name));
    expect(rows.takes).not.toHaveLength(0);
    expect(Object.keys(rows.takes?.[0] ?? {}).sort()).toEqual(["at", "ends_at", "id"]);
    for (const text of [name, JSON.stringify(rows)]) {
      for (const secret of [phone, phone.slice(3), ip, "203.0.113"]) expect(text).not.toContain(secret);
    }
  }
  // Another secret, other names: whoever has none can't find out which object is whose.
  const other = watchedLimiter();
  await send({ RATE_LIMITER: other, JWT_SECRET: "another-secret-another-secret-another" }, phone, { ip });
  expect(other.names.filter((name) => names.has(name))).toEqual([]);
});
