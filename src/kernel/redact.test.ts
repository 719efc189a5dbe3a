import fc from "fast-check";
import { expect, it } from "vitest";
import { createLogger, type LogFormat } from "./logger.ts";
import { redactField, SECRET_FIELDS, scrubText } from "./redact.ts";

const JWT = "eyJhbGciOiJFZDI1NTE5IiwidHlwIjoiYXQrand0In0.eyJzdWIiOiJ1c3JfMDEifQ.c2lnbmF0dXJlLXRoYXQtaXMtbG9uZw";
const REFRESH = `AT${"aB3-_x".repeat(22)}`;

const SECRETS: Readonly<Record<string, string>> = {
  "a phone as people write it": "09121234567",
  "a phone in E.164": "+989121234567",
  "a phone without the plus": "989121234567",
  "a phone with zeros": "00989121234567",
  "a phone in Persian digits": "۰۹۱۲۱۲۳۴۵۶۷",
  "a phone in Arabic digits": "٠٩١٢١٢٣٤٥٦٧",
  "a phone in groups": "0912 123 4567",
  "a phone in groups, E.164": "+98 912-123-4567",
  "a phone in pairs": "0912 123 45 67",
  "a phone in pairs, E.164": "+98 912 123 45 67",
  "a phone in groups of Persian digits": "۰۹۱۲ ۱۲۳ ۴۵۶۷",
  "a foreign phone": "+4915112345678",
  "an access token": JWT,
  "a refresh token": REFRESH,
  "a webhook secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  "a Google key": "AIzaSyD-1234567890abcdefghijklmnopq",
  "a bot's token": "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
  "a picture": btoa(String.fromCharCode(...Array.from({ length: 200 }, (_, i) => (i * 37) % 256))),
};

it.each(Object.entries(SECRETS))("%s is taken out of any text, whatever stands around it", (_what, secret) => {
  const around = fc.constantFrom("", " ", "\n", '"', "'", "(", ")", ",", " to ", "=>", "{", "}", "؛", "،");
  fc.assert(
    fc.property(around, around, (before, after) => {
      expect(
        scrubText(`failed for${before === "" ? " " : before}${secret}${after === "" ? " " : after}again`),
      ).not.toContain(secret);
    }),
  );
});

it.each([
  ["Authorization: Bearer abc.def", "abc.def"],
  ["GET /x?exp=1&sig=abcdef123456 failed", "abcdef123456"],
  ["at obj.09121234567 of", "09121234567"],
  ["phone:09121234567", "09121234567"],
  ["GET /sms?to=%2B989121234567 failed", "9121234567"],
  ["user_09121234567", "09121234567"],
  ["recipient-09121234567", "09121234567"],
  ["call 0912.123.4567 now", "0912.123.4567"],
  ["call (0912) 1234567 now", "1234567"],
  ["x-api-key: 0123456789abcdef0123456789abcdef", "0123456789abcdef"],
  ['{"password":"hunter2hunter2"}', "hunter2"],
  ["Authorization: Basic dXNlcjpodW50ZXIy", "dXNlcjpodW50ZXIy"],
  ["https://4a1b2c@sentry.example/1", "4a1b2c"],
  [
    "https://api.telegram.org/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage",
    "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
  ],
  ["https://user:hunter2@loki.example/push", "hunter2"],
])("%s", (text, secret) => {
  expect(scrubText(text)).not.toContain(secret);
});

it.each([
  "cnv_01KBTEST0912345678TESTTEST",
  "550e8400-e29b-41d4-a716-446655440000",
  "TypeError: x is not a function",
  "2026-11-24T10:00:00.000Z",
  "gemini-3.1-flash-image",
  "@cf/black-forest-labs/flux-2-klein-9b",
  "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  "D1_ERROR: no such table: conversions: SQLITE_ERROR",
  "/api/conversions/{id}",
  "10485760",
  "1.09123456789",
])("%s is no secret", (text) => {
  expect(scrubText(text)).toBe(text);
});

it.each(["json", "pretty", "logfmt"] satisfies LogFormat[])("a logger of %s lets none of them through", (format) => {
  const lines: string[] = [];
  const logger = createLogger({ level: "debug", format }, { service: "api" }, (line) => lines.push(line));
  for (const secret of Object.values(SECRETS)) {
    logger.log("info", `about ${secret}`, { cause: `Error: ${secret}` });
    for (const name of SECRET_FIELDS) logger.log("info", "x", { [name]: secret, [name.toUpperCase()]: "hunter2" });
  }
  const text = lines.join("\n");
  for (const secret of [...Object.values(SECRETS), "hunter2"]) expect(text).not.toContain(secret);
  expect(lines.length).toBe(Object.keys(SECRETS).length * (1 + SECRET_FIELDS.size));
});

it("nothing of a random token is left, whatever it is made of", () => {
  for (let i = 0; i < 2_000; i++) {
    const token = Buffer.from(crypto.getRandomValues(new Uint8Array(105))).toString("base64url");
    const left = scrubText(`refused ${token} as it was`);
    expect(left.replace(/^refused | as it was$/g, "")).toMatch(/^\[(data|secret)\]$/);
  }
});

it("ids that lines are found by stay as they are", () => {
  const id = "Ab1".repeat(21);
  expect(redactField("requestId", id)).toBe(id);
});

it("cuts what is very long", () => {
  for (const unit of ["1", "a", "A1a", "-", "09 ", "eyJ.", "//a@", "?sig=", "Bearer "]) {
    expect(scrubText(unit.repeat(500_000)).length).toBeLessThan(500_000);
  }
});

it("takes any text, and long ones in a time that grows as they do", () => {
  fc.assert(fc.property(fc.string({ maxLength: 2_000, unit: "binary" }), (text) => void scrubText(text)));
  for (const unit of ["1", "a", "A1a", "-", "+9", "eyJ.", "eyJaaaaaa-", "//:", "?sig=", "Bearer ", "09"]) {
    const spent = [20_000, 80_000].map((length) => {
      const text = unit.repeat(length / unit.length);
      const started = performance.now();
      scrubText(text);
      return performance.now() - started;
    });
    // Four times as long is sixteen times as slow for what looks at each character from each other one.
    expect((spent[1] ?? 0) / Math.max(5, spent[0] ?? 0), unit).toBeLessThan(11);
  }
});
