import { expect, it } from "vitest";
import { apiWith, issuePaths } from "../support/app.ts";
import { api, inbox, newPhone, type Purpose, sendCode, signUp } from "../support/client.ts";

const sendOtp = (phone: unknown, purpose: unknown = "register") =>
  api("/api/auth/send-otp", { json: { phone, purpose } });

it("answers 202 with a challenge, its life and when to ask again", async () => {
  const response = await sendOtp(newPhone());
  expect(response.status).toBe(202);
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(await response.json()).toEqual({
    challengeId: expect.stringMatching(/^chl_[0-9A-Z]{26}$/),
    expiresIn: 300,
    resendAfter: 0,
  });
  const production = await apiWith({ OTP_RESEND_COOLDOWN: "60s" }, "/api/auth/send-otp", {
    json: { phone: newPhone(), purpose: "register" },
  });
  expect(await production.json()).toMatchObject({ resendAfter: 60 });
});

it.each<Purpose>(["login", "password_reset"])(
  "a phone without an account gets the same %s answer and no message",
  async (purpose) => {
    const { phone: known } = await signUp();
    const unknown = newPhone();
    const [a, b] = [await sendOtp(known, purpose), await sendOtp(unknown, purpose)];
    expect([a.status, b.status]).toEqual([202, 202]);
    const shape = { challengeId: expect.any(String), expiresIn: 300, resendAfter: 0 };
    expect(await a.json()).toEqual(shape);
    expect(await b.json()).toEqual(shape);
    expect(await inbox(known)).toHaveLength(2);
    expect(await inbox(unknown)).toHaveLength(0);
  },
);

it("a register send to a known phone sends a code all the same", async () => {
  const { phone } = await signUp();
  expect((await sendCode(phone, "register")).code).toMatch(/^\d{6}$/);
});

it("every writing of a number reaches one phone", async () => {
  const phone = newPhone();
  const national = phone.slice(3);
  const persian = [...`0${national}`].map((digit) => String.fromCodePoint(0x06f0 + Number(digit))).join("");
  const arabic = [...`0${national}`].map((digit) => String.fromCodePoint(0x0660 + Number(digit))).join("");
  const fullWidth = [...`0${national}`].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join("");
  const spaced = `+98 (${national.slice(0, 3)}) ${national.slice(3, 6)}-${national.slice(6)}`;
  const writings = [phone, `0${national}`, `0098${national}`, `98${national}`, spaced, persian, arabic, fullWidth];
  for (const writing of writings) expect((await sendOtp(writing)).status).toBe(202);
  const messages = await inbox(phone);
  expect(messages).toHaveLength(writings.length);
  expect(messages.every((message) => message.to === phone)).toBe(true);
});

it.each([
  ["a bare national number", "9123456789"],
  ["a landline", "02112345678"],
  ["another country", "+447400123456"],
  ["a zero-width space", "0912\u200b3456789"],
  ["a bidi override", "\u202e09123456789"],
  ["a NUL", "0912345678\u0000"],
  ["a header injection", "09123456789\r\nX: y"],
  ["an extension", "+989123456789;ext=5"],
  ["10,000 digits", "0".repeat(10_000)],
  ["nothing", ""],
  ["a number", 9123456789],
  ["an array", ["09123456789"]],
  ["null", null],
])("%s for a phone is 422 and names the field", async (_, phone) => {
  const response = await sendOtp(phone);
  expect(response.status).toBe(422);
  expect(await issuePaths(response)).toEqual(["phone"]);
});

it("accepts the countries that are configured", async () => {
  const json = { phone: "+44 7400 123456", purpose: "register" };
  expect((await apiWith({ OTP_COUNTRIES: "IR,GB" }, "/api/auth/send-otp", { json })).status).toBe(202);
});

it.each([
  ["an unknown field", '{"phone":"09123456789","purpose":"register","channel":"voice"}', ["channel"]],
  ["__proto__", '{"phone":"09123456789","purpose":"register","__proto__":{"role":"admin"}}', ["__proto__"]],
  ["a foreign purpose", '{"phone":"09123456789","purpose":"admin"}', ["purpose"]],
  ["nothing", "{}", ["phone", "purpose"]],
  ["an array", "[]", [""]],
])("%s in the body is 422", async (_, body, paths) => {
  const headers = { "Content-Type": "application/json" };
  const response = await api("/api/auth/send-otp", { body, headers });
  expect(response.status).toBe(422);
  expect(await issuePaths(response)).toEqual(paths);
});

it("a body that is no JSON is 400, over 16 KiB 413, of another media type or encoding 415", async () => {
  const post = (body: string, type: string, more = {}) =>
    api("/api/auth/send-otp", { body, headers: { "Content-Type": type, ...more } });
  const good = JSON.stringify({ phone: newPhone(), purpose: "register" });
  for (const body of ["", "{", "phone=1", "{'phone': 1}"]) {
    const response = await post(body, "application/json");
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, "malformed_request"]);
  }
  expect((await post(good.padEnd(16 * 1024), "application/json")).status).toBe(202);
  expect((await post(good.padEnd(16 * 1024 + 1), "application/json")).status).toBe(413);
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""]) {
    expect((await post(good, type)).status).toBe(415);
  }
  expect((await post(good, "application/json", { "Content-Encoding": "gzip" })).status).toBe(415);
  expect((await post(good, "application/json; charset=utf-8")).status).toBe(202);
});

it("without an SMS provider every send is 503, whoever asks", async () => {
  const env = { ENVIRONMENT: "production" };
  const { phone } = await signUp();
  for (const json of [
    { phone, purpose: "login" },
    { phone: newPhone(), purpose: "login" },
    { phone, purpose: "register" },
  ]) {
    const response = await apiWith(env, "/api/auth/send-otp", { json });
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(await response.json()).toMatchObject({ code: "service_unavailable" });
  }
});
