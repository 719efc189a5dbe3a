/** What variables hold, as the configuration reads them. */
import { z } from "zod";
import { parseIpRange } from "../kernel/ip.ts";
import { isKnownCountry } from "../modules/auth/phone.ts";

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const LONGEST_MS = 3_650 * UNIT_MS.d;

/** A duration such as `500ms`, `60s`, `15m`, `24h` or `30d`, read as milliseconds; ten years at most. */
export const duration = z
  .string()
  .regex(/^\d{1,9}(ms|s|m|h|d)$/, "must be a number and a unit, such as 500ms, 60s, 15m, 24h or 30d")
  .transform((text) => {
    const unit = text.replace(/^\d+/, "") as keyof typeof UNIT_MS;
    return Number.parseInt(text, 10) * UNIT_MS[unit];
  })
  .refine((ms) => ms <= LONGEST_MS, "must be at most 3650d");
export const positiveDuration = duration.refine((ms) => ms > 0, "must be longer than zero");
/** For timers, which count no further than 2³¹ − 1 ms. */
export const timerDuration = positiveDuration.refine((ms) => ms < 2 ** 31, "must be shorter than 24 days");

export function integer(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,12}$/, "must be a whole number")
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}`);
}

export const list = z.string().transform((text) =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== ""),
);

/** A pattern would be no error to the parser of urls, and match nothing. */
export const origin = z.string().refine((text) => {
  try {
    return new URL(text).origin === text && !text.includes("*");
  } catch {
    return false;
  }
}, "must list exact origins, such as https://app.example");

export const ipRange = z.string().transform((text, context) => {
  const range = parseIpRange(text);
  if (range !== null) return range;
  context.addIssue("must list addresses or CIDR ranges, such as 203.0.113.7 or 2001:db8::/32");
  return z.NEVER;
});

/** A limit of takes in a window; some are so wide in development that nobody meets them. */
export const limit = integer(0, 1_000_000);

/** An amount of US dollars, read as millionths. */
export const dollars = z
  .string()
  .regex(/^\d{1,7}(\.\d{1,6})?$/, "must be an amount of US dollars, such as 25 or 0.039")
  .transform((text) => Math.round(Number(text) * 1_000_000));

export const country = z.string().refine(isKnownCountry, "must be a two-letter country code, such as IR");
export const secret = z.string().min(32, "must have at least 32 characters");
export const httpUrl = z.url({ protocol: /^https?$/, error: "must be an http or https url" });
export const modelId = z.string().regex(/^[@\w./-]{1,100}$/, "must be a model's id");
