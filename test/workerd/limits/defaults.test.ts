import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../src/composition/config.ts";
import type { RatePolicy } from "../../../src/ports/rate-limiter.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

function limitsOf(environment: string, more: Readonly<Record<string, string>> = {}): [string, RatePolicy][] {
  const { limits } = parseConfig({ ENVIRONMENT: environment, JWT_SECRET: "x".repeat(32), ...more }, "api");
  return Object.entries({ ...limits });
}

/** `limit/windowMs` of each window. */
function windowsOf(environment: string, more?: Readonly<Record<string, string>>): Record<string, string[]> {
  const told = limitsOf(environment, more).map(([name, { windows }]) => [
    name,
    windows.map(({ limit, windowMs, kind }) => `${limit}/${windowMs / MINUTE_MS}m${kind === "lock" ? " lock" : ""}`),
  ]);
  return Object.fromEntries(told);
}

describe("without any variable", () => {
  it.each(["production", "preview"])("%s has the limits that are promised", (environment) => {
    expect(windowsOf(environment)).toEqual({
      otpPerIp: ["100/60m"],
      otpPerPhone: ["1/1m", "3/60m", "10/1440m"],
      unverifiedPerIp: ["10/60m"],
      unverifiedPerCountry: ["30/60m"],
      verifyPerIp: ["20/60m"],
      verifyPerPhone: ["20/1440m"],
      verifyPerKnownDevice: ["20/1440m"],
      loginsPerPhone: ["100/60m"],
      resetsPerPhone: ["100/60m"],
      commandsPerUser: ["600/60m"],
      loginPerIp: ["20/15m"],
      loginPerPhone: ["5/15m lock"],
      loginPerKnownDevice: ["5/15m lock"],
      passwordChangePerUser: ["5/15m lock"],
      refreshPerSession: ["60/15m"],
      uploadsPerUser: ["200/60m"],
      conversionsPerUser: ["200/60m"],
    });
  });

  it("development keeps 3 sends a phone and 100 an address in an hour and the lock; all else is wide", () => {
    const windows = windowsOf("development");
    expect(windows).toMatchObject({
      otpPerIp: ["100/60m"],
      otpPerPhone: ["3/60m", "100000/1440m"],
      loginPerPhone: ["5/15m lock"],
      loginPerKnownDevice: ["5/15m lock"],
      passwordChangePerUser: ["5/15m lock"],
    });
    for (const name of [
      "unverifiedPerIp",
      "unverifiedPerCountry",
      "verifyPerIp",
      "verifyPerPhone",
      "verifyPerKnownDevice",
      "loginPerIp",
      "loginsPerPhone",
      "commandsPerUser",
      "refreshPerSession",
      "uploadsPerUser",
      "conversionsPerUser",
    ]) {
      expect(windows[name], name).toEqual([expect.stringMatching(/^100000\//)]);
    }
  });
});

it("every number can be set, in every environment", () => {
  const variables = {
    OTP_RESEND_COOLDOWN: "30s",
    RATE_LIMIT_WINDOW: "2h",
    RATE_LIMIT_OTP_PER_PHONE: "1",
    RATE_LIMIT_OTP_PER_IP: "2",
    RATE_LIMIT_OTP_PER_PHONE_DAY: "3",
    RATE_LIMIT_OTP_UNVERIFIED_PER_IP: "4",
    RATE_LIMIT_OTP_UNVERIFIED_PER_COUNTRY: "5",
    RATE_LIMIT_VERIFY_PER_IP: "6",
    RATE_LIMIT_VERIFY_PER_PHONE_DAY: "7",
    RATE_LIMIT_LOGIN_PER_IP: "8",
    RATE_LIMIT_REFRESH_PER_SESSION: "9",
    RATE_LIMIT_UPLOADS_PER_USER: "10",
    RATE_LIMIT_CONVERSIONS_PER_USER: "11",
    RATE_LIMIT_LOGIN_PER_PHONE: "14",
    RATE_LIMIT_COMMANDS_PER_USER: "15",
    MAX_LOGIN_ATTEMPTS: "12",
    LOCKOUT_DURATION: "13m",
  };
  for (const environment of ["development", "production"]) {
    expect(windowsOf(environment, variables)).toEqual({
      otpPerIp: ["2/120m"],
      otpPerPhone: ["1/0.5m", "1/120m", "3/1440m"],
      unverifiedPerIp: ["4/60m"],
      unverifiedPerCountry: ["5/60m"],
      verifyPerIp: ["6/60m"],
      verifyPerPhone: ["7/1440m"],
      verifyPerKnownDevice: ["7/1440m"],
      loginsPerPhone: ["14/60m"],
      resetsPerPhone: ["14/60m"],
      commandsPerUser: ["15/60m"],
      loginPerIp: ["8/15m"],
      loginPerPhone: ["12/13m lock"],
      loginPerKnownDevice: ["12/13m lock"],
      passwordChangePerUser: ["12/13m lock"],
      refreshPerSession: ["9/15m"],
      uploadsPerUser: ["10/60m"],
      conversionsPerUser: ["11/60m"],
    });
  }
});

it("no policy that counts by phone is shown, and no two policies share a name", () => {
  const limits = limitsOf("production");
  const shown = limits.filter(([, policy]) => policy.shown).map(([name]) => name);
  expect(shown.sort()).toEqual([
    "commandsPerUser",
    "conversionsPerUser",
    "loginPerIp",
    "otpPerIp",
    "refreshPerSession",
    "uploadsPerUser",
    "verifyPerIp",
  ]);
  expect(new Set(limits.map(([, policy]) => policy.name)).size).toBe(limits.length);
});

it("only the limit of a country grows: to half of the best hour of a week", () => {
  const growing = limitsOf("production").filter(([, policy]) => policy.growth !== undefined);
  expect(growing.map(([name, { growth }]) => [name, growth])).toEqual([
    ["unverifiedPerCountry", { share: 0.5, bucketMs: HOUR_MS, lookbackMs: 7 * 24 * HOUR_MS }],
  ]);
});
