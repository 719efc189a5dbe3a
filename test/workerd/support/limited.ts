import { desc, eq, sql } from "drizzle-orm";
import { expect } from "vitest";
import { devSms, otpChallenges, smsOutbox } from "../../../src/db/d1/schema/index.ts";
import type { RateLimiterObjects } from "../../../src/providers/cloudflare/rate-limiter.ts";
import { apiWith } from "./app.ts";
import { newPhone, type Purpose, randomIp } from "./client.ts";
import { bindings, db } from "./database.ts";

export interface From {
  readonly ip?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Challenge {
  readonly phone: string;
  readonly purpose: Purpose;
  readonly challengeId: string;
}

const headersOf = ({ ip = randomIp(), headers = {} }: From) => ({ "CF-Connecting-IP": ip, ...headers });

export function times<T>(count: number, make: (i: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => make(i)));
}

/** Asks for a code under other variables; each call comes from an address of its own unless `from` says otherwise. */
export function send(env: object, phone: unknown = newPhone(), from: From & { purpose?: unknown } = {}) {
  const { purpose = "register" } = from;
  return apiWith(env, "/api/auth/send-otp", { json: { phone, purpose }, headers: headersOf(from) });
}

export function verify(env: object, attempt: Challenge & { readonly code: string }, from: From = {}) {
  return apiWith(env, "/api/auth/verify-otp", { json: attempt, headers: headersOf(from) });
}

/** The code the development provider kept last for a phone, whatever its country. */
export async function codeSentTo(phone: string): Promise<string> {
  const [message] = await db
    .select()
    .from(devSms)
    .where(eq(devSms.recipient, phone))
    .orderBy(desc(devSms.sentAt), sql`rowid DESC`)
    .limit(1);
  if (message === undefined) throw new Error("no message");
  return message.code;
}

/** A code that was sent, and a way to spell it wrong. */
export async function challenge(env: object = {}, phone = newPhone(), from: From = {}) {
  const response = await send(env, phone, from);
  expect(response.status).toBe(202);
  const { challengeId } = (await response.json()) as { challengeId: string };
  const code = await codeSentTo(phone);
  return { phone, purpose: "register" as const, challengeId, code };
}

/** `count` codes that are not `code`. */
export function wrongCodes(code: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => String((Number(code) + i + 1) % 1_000_000).padStart(6, "0"));
}

export function wrongly<T extends { readonly code: string }>(attempt: T): T {
  return { ...attempt, code: wrongCodes(attempt.code, 1)[0] ?? "" };
}

/** How many answers there are of each status. */
export function countStatuses(responses: readonly Response[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of responses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** A refusal as every limit gives it. @returns its Retry-After. */
export async function expectLimited(response: Response, code = "rate_limited"): Promise<number> {
  expect(response.status).toBe(429);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(await response.json()).toEqual({
    type: `urn:ai-styler:error:${code}`,
    title: expect.any(String),
    status: 429,
    detail: expect.any(String),
    code,
    requestId: expect.any(String),
  });
  expect(response.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
  return Number(response.headers.get("retry-after"));
}

/** How many challenges and waiting messages the database holds. */
export async function sendsWritten(): Promise<{ challenges: number; messages: number }> {
  return { challenges: await db.$count(otpChallenges), messages: await db.$count(smsOutbox) };
}

/** The real limiter objects, with their names written down in the order in which they are asked. */
export function watchedLimiter(): RateLimiterObjects & { readonly names: string[] } {
  const names: string[] = [];
  return {
    names,
    getByName(name) {
      names.push(name);
      return bindings.RATE_LIMITER.getByName(name);
    },
  };
}
