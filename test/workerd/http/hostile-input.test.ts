import { exports } from "cloudflare:workers";
import { beforeAll, expect, it, vi } from "vitest";
import { apiWith, issuePaths } from "../support/app.ts";
import { api, newPhone, PASSWORD, type SignedUp, signUp, verifiedPhone } from "../support/client.ts";

let account: SignedUp;
beforeAll(async () => {
  account = await signUp();
});

const raw = (method: string, path: string, body: BodyInit, token?: string) =>
  api(path, { method, body, headers: { "Content-Type": "application/json" }, ...(token ? { token } : {}) });

it.each([
  '{"role":"admin"}',
  '{"is_active":true}',
  '{"userId":"usr_x"}',
  '{"epoch":9}',
  '{"status":"active"}',
  '{"name":"x","__proto__":{"role":"admin"}}',
  '{"name":"x","constructor":{"prototype":{"role":"admin"}}}',
  '{"name":"x","passwordHash":"y"}',
])("fields that are not the client's to set are refused, whatever they are: %s", async (body) => {
  expect((await raw("PATCH", "/api/users/me", body, account.token)).status).toBe(422);
  const me = (await (await api("/api/users/me", { token: account.token })).json()) as { role: string };
  expect(me.role).toBe("user");
  expect(({} as { role?: string }).role).toBeUndefined();
});

it("registering as an admin is refused, and the token survives the attempt", async () => {
  const verificationToken = await verifiedPhone(newPhone());
  for (const extra of [{ role: "admin" }, { role: "Admin" }, { role: ["admin"] }, { isAdmin: true }, { epoch: 1 }]) {
    const response = await api("/api/auth/register", { json: { verificationToken, password: PASSWORD, ...extra } });
    expect(response.status, JSON.stringify(extra)).toBe(422);
  }
  const json = { verificationToken, password: PASSWORD, role: "vendor" };
  expect((await api("/api/auth/register", { json })).status).toBe(201);
});

it("of duplicate keys the last one counts, and it alone is validated", async () => {
  const good = await raw("PATCH", "/api/users/me", '{"name":7,"name":"Last"}', account.token);
  expect(good.status).toBe(200);
  expect(await good.json()).toMatchObject({ name: "Last" });
  const bad = await raw("PATCH", "/api/users/me", '{"name":"First","name":7}', account.token);
  expect([bad.status, await issuePaths(bad)]).toEqual([422, ["name"]]);
});

it("a query parameter given twice, as a list or as an object is refused or read as its first, never a failure", async () => {
  for (const query of [
    "limit=5&limit=abc",
    "limit[]=5",
    "limit[a]=1",
    "limit=1e2",
    "limit=+5",
    "limit=0x5",
    "limit=",
  ]) {
    const { status } = await api(`/api/images?${query}`, { token: account.token });
    expect([200, 422], query).toContain(status);
  }
  expect((await api("/api/images?limit=101", { token: account.token })).status).toBe(422);
});

it.each([
  ["ten thousand brackets", `{"name":${"[".repeat(5_000)}${"]".repeat(5_000)}}`, 422],
  ["brackets that are never closed", `{"name":${"[".repeat(15_000)}`, 400],
  ["a number without end", `{"name":${"9".repeat(15_000)}}`, 422],
  ["a lone surrogate", '{"name":"\\ud800"}', 422],
  ["a NUL", '{"name":"a\\u0000b"}', 422],
  ["a control character", '{"name":"a\\u0085b"}', 422],
  ["bytes that are not UTF-8", new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]), 400],
  ["a body over the limit", `{"name":"${"x".repeat(20_000)}"}`, 413],
] as const)("%s in a body is told what it is", async (_, body, status) => {
  expect((await raw("PATCH", "/api/users/me", body, account.token)).status).toBe(status);
});

it("a body without a declared length is counted as it comes", async () => {
  const chunk = new TextEncoder().encode(" ".repeat(64 * 1024));
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += chunk.length;
      if (sent > 1024 * 1024) controller.close();
      else controller.enqueue(chunk);
    },
  });
  expect((await raw("PATCH", "/api/users/me", body, account.token)).status).toBe(413);
});

it("no text within the limits keeps a pattern busy", async () => {
  const long = "0".repeat(31);
  const attempts = [
    `${long}x`,
    `+${"9".repeat(30)}`,
    `${" -()".repeat(7)}09`,
    `${"((((".repeat(7)}`,
    `${"\u06f0".repeat(32)}`,
    `++++${"1".repeat(20)}`,
  ];
  const startedAt = performance.now();
  for (const phone of attempts) {
    await api("/api/auth/send-otp", { json: { phone, purpose: "login" } });
    await api("/api/auth/login", { json: { phone, password: "x" } });
    await api("/api/users/me", { method: "PATCH", token: account.token, json: { locale: `fa${"-aa".repeat(10)}!` } });
    await api("/api/users/me", { token: `${"a.".repeat(2_000)}!` });
    await api("/api/users/me", { headers: { "If-None-Match": `W/"${'"W/'.repeat(2_000)}` }, token: account.token });
    await api("/api/images/x/content", { headers: { Range: `bytes=${"1-".repeat(2_000)}` }, token: account.token });
  }
  expect(performance.now() - startedAt).toBeLessThan(10_000);
});

it("line breaks in what a client sends stay within one log line", async () => {
  const lines: string[] = [];
  const spy = vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
  for (const format of ["json", "pretty", "logfmt"]) {
    lines.length = 0;
    const json = { phone: "0912\r\nlevel=error msg=forged", purpose: "login" };
    const headers = { "User-Agent": "a\u2028b\u0085 level=error", "X-Request-Id": "forged id" };
    await apiWith({ LOG_LEVEL: "info", LOG_FORMAT: format }, "/api/auth/send-otp", { json, headers });
    expect(lines, format).toHaveLength(1);
    expect(lines[0], format).not.toMatch(/[\r\n\u2028\u0085]|forged/);
  }
  spy.mockRestore();
});

it("answers of users and errors are never to be kept by a cache", async () => {
  for (const response of [
    await api("/api/users/me", { token: account.token }),
    await api("/api/auth/sessions", { token: account.token }),
    await api("/api/users/me/audit", { token: account.token }),
    await api("/api/users/me"),
    await api("/api/nowhere"),
    await api("/api/auth/login", { json: { phone: account.phone, password: "wrong" } }),
  ]) {
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("vary")).toContain("Origin");
  }
});

it.each(["telegram-bot", "internal", "admin"])("X-Request-Source: %s opens nothing", async (source) => {
  const headers = { "X-Request-Source": source, "X-User-Id": account.userId, "X-Role": "admin" };
  expect((await api("/api/users/me", { headers })).status).toBe(401);
  expect((await api("/api/admin/audit", { headers, token: account.token })).status).toBe(403);
  const json = { verificationToken: "x", password: PASSWORD };
  expect((await api("/api/auth/register", { json, headers })).status).toBe(400);
});

it("a prototype's key in escapes vanishes from no body", async () => {
  const body = '{"kind":"style","personImageId":"img_x","stylePreset":"oil","metadata":{"\\u005f_proto__":"x"}}';
  const response = await raw("POST", "/api/conversions", body, account.token);
  expect([response.status, await issuePaths(response)]).toEqual([422, ["__proto__"]]);
  const harmless = await raw("PATCH", "/api/users/me", '{"bio":"about __proto__ and \\u0041"}', account.token);
  expect(await harmless.json()).toMatchObject({ bio: "about __proto__ and A" });
});

it("a file of the documentation that is not there is 404, and a method it does not take 405", async () => {
  expect((await api("/api/docs/nope.js")).status).toBe(404);
  const slash = await exports.default.fetch("https://api.example/api/docs/", { redirect: "manual" });
  expect([slash.status, slash.headers.get("location")]).toEqual([308, "/api/docs"]);
  expect((await api("/api/docs/..%2f..%2fwrangler.toml")).status).toBe(404);
  expect((await api("/api/docs/nope.js", { method: "DELETE" })).status).toBe(405);
});

it("the phone is no password, in whatever digits", async () => {
  const phone = newPhone();
  const verificationToken = await verifiedPhone(phone);
  const national = `0${phone.slice(3)}`;
  const persian = [...national].map((digit) => String.fromCodePoint(0x06f0 + Number(digit))).join("");
  for (const password of [national, phone, persian]) {
    const response = await api("/api/auth/register", { json: { verificationToken, password } });
    expect([response.status, await issuePaths(response)]).toEqual([422, ["password"]]);
  }
});

it("a client that goes in the middle of its body is told of, not our failure", async () => {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"na'));
      controller.error(new Error("Network connection lost."));
    },
  });
  const response = await apiWith({}, "/api/users/me", {
    method: "PATCH",
    token: account.token,
    body,
    headers: { "Content-Type": "application/json" },
  });
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, "malformed_request"]);
});

it.each([{ DEFAULT_COUNTRY: "XX" }, { OTP_COUNTRIES: "IR,ZZ" }, { OTP_COUNTRIES: "ir" }])(
  "a country that there is not (%j) stops requests",
  async (env) => {
    expect((await apiWith(env, "/api/health")).status).toBe(503);
  },
);
