import { runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, vi } from "vitest";
import type { TakeRequest } from "../../../durable-objects/rate-limiter/contract.ts";
import { bindings } from "./database.ts";

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
export const THREE_AN_HOUR: TakeRequest = { windows: [{ limit: 3, windowMs: HOUR_MS }] };

export const newLimiterObject = () => bindings.RATE_LIMITER.getByName(crypto.randomUUID());
export type LimiterObject = ReturnType<typeof newLimiterObject>;

/**
 * For a test file: the clock of Worker and objects stands still and moves only as {@link setClock} says; timers stay
 * real. It starts on a full hour ahead of the real clock, so that no alarm rings before the test rings it.
 */
export function freezeClock(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"], now: Math.ceil(Date.now() / HOUR_MS + 1) * HOUR_MS });
    start = Date.now();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}

let start = 0;

/** Sets the frozen clock to so long after its start, and tells that time. */
export function setClock(sinceStartMs: number): number {
  vi.setSystemTime(start + sinceStartMs);
  return start + sinceStartMs;
}

export async function isAllowed(stub: LimiterObject, request = THREE_AN_HOUR): Promise<boolean> {
  return (await stub.take(request)).allowed;
}

/** A take that must be let through. */
export async function taken(stub: LimiterObject, request = THREE_AN_HOUR): Promise<number> {
  const answer = await stub.take(request);
  if (!answer.allowed) throw new Error(`refused for ${answer.retryAfterMs} ms`);
  return answer.takeId;
}

/** Everything the object stores, by table; nothing when it has no tables. */
export function storedRows(stub: LimiterObject): Promise<Record<string, Record<string, SqlStorageValue>[]>> {
  return runInDurableObject(stub, (_, { storage: { sql } }) => {
    const tables = sql.exec<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' ORDER BY name",
    );
    return Object.fromEntries(tables.toArray().map(({ name }) => [name, sql.exec(`SELECT * FROM ${name}`).toArray()]));
  });
}

/** How many rows each table of the object has. */
export async function storedCounts(stub: LimiterObject): Promise<Record<string, number>> {
  return Object.fromEntries(Object.entries(await storedRows(stub)).map(([table, rows]) => [table, rows.length]));
}
