import { expect, it } from "vitest";
import { parseConfig } from "./config.ts";

const BASE = { ENVIRONMENT: "development", JWT_SECRET: "x".repeat(32) };
const parsed = (variables: Record<string, string>) => parseConfig({ ...BASE, ...variables }, "api");

it.each(["OTP_TTL", "SESSION_TIMEOUT", "SESSION_ABSOLUTE_TIMEOUT", "ACCESS_TOKEN_TTL", "SIGNED_URL_TTL"])(
  "%s may be ten years, and not so long that no date can be told",
  (variable) => {
    expect(() => parsed({ [variable]: "3650d" })).not.toThrow();
    expect(() => parsed({ [variable]: "3651d" })).toThrow(`${variable} must be at most 3650d`);
    expect(() => parsed({ [variable]: "999999999d" })).toThrow(variable);
  },
);

it("LOGIN_TIME_FLOOR keeps nobody waiting for longer than a request lasts", () => {
  expect(parsed({ LOGIN_TIME_FLOOR: "10s" }).login.timeFloorMs).toBe(10_000);
  expect(() => parsed({ LOGIN_TIME_FLOOR: "11s" })).toThrow("LOGIN_TIME_FLOOR must be at most 10s");
});

it.each(["https://*.app.example", "https://app.example/", "https://app.example/path", "*", "null", "app.example"])(
  "CORS_ORIGINS refuses %s, which no browser sends as an origin that is let in",
  (origin) => {
    expect(() => parsed({ CORS_ORIGINS: `https://shop.example,${origin}` })).toThrow("CORS_ORIGINS");
  },
);

it.each([
  [{ SMS_PROVIDER: "smsir" }, "SMS_API_KEY is missing, for smsir"],
  [{ SMS_PROVIDER: "twilio" }, "SMS_API_KEY is missing, for twilio"],
  [{ SMS_PROVIDER: "twilio", SMS_API_KEY: "a-token-alone" }, "SMS_API_KEY must be AccountSid:AuthToken"],
  [{ SMS_PROVIDER: "twilio", SMS_API_KEY: "AC1:" }, "SMS_API_KEY must be AccountSid:AuthToken"],
])("%o is refused by the Worker that sends codes, and by no other", (variables, problem) => {
  expect(() => parsed(variables)).toThrow(problem);
  expect(() => parseConfig({ ...BASE, ...variables }, "consumer")).not.toThrow();
});

it("all that is wrong is told at once", () => {
  expect(() => parsed({ SMS_PROVIDER: "smsir", OTP_TTL: "soon", JWT_SECRET: "short" })).toThrow(
    /(?=.*SMS_API_KEY)(?=.*OTP_TTL)(?=.*JWT_SECRET)/s,
  );
});

it.each([
  { SMS_PROVIDER: "smsir", SMS_API_KEY: "any:key" },
  { SMS_PROVIDER: "twilio", SMS_API_KEY: "AC1:token" },
  { SMS_PROVIDER: "twilio", SMS_API_KEY: "AC1:token:+15005550006" },
  { SMS_PROVIDER: "dev" },
])("%o is taken", (variables) => {
  expect(() => parsed(variables)).not.toThrow();
});
