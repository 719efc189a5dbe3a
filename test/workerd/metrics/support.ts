import {
  businessCounters,
  conversions,
  deadLetters,
  providerCalls,
  quotaLedger,
} from "../../../src/db/d1/schema/index.ts";
import { queueLabel } from "../../../src/kernel/queue-label.ts";
import { isTerminal } from "../../../src/modules/conversions/conversion.ts";
import type { StoredResult } from "../../../src/modules/conversions/repository.ts";
import { db } from "../support/database.ts";

/** Values by `name` and labels, as in `conversions_created_total["style"]`. */
export type Counts = Readonly<Record<string, number>>;

export async function counters(): Promise<Counts> {
  const rows = await db.select().from(businessCounters);
  return Object.fromEntries(rows.map(({ name, labels, value }) => [name + labels, value]));
}

/** `a` plus `sign` times `b`, without what comes to nothing. */
export function combine(a: Counts, sign: 1 | -1, b: Counts): Counts {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  const sums = [...keys].map((key) => [key, (a[key] ?? 0) + sign * (b[key] ?? 0)] as const);
  return Object.fromEntries(sums.filter(([, value]) => value !== 0));
}

/** By how much counters grew while `work` was done. */
export async function grown(work: () => Promise<unknown>): Promise<Counts> {
  const before = await counters();
  await work();
  return combine(await counters(), -1, before);
}

/** What the counters must be by what the tables hold; registrations are left out, since tests insert users themselves. */
export async function rowsSay(): Promise<Counts> {
  const counts: Record<string, number> = {};
  const add = (name: string, labels: readonly string[], by = 1) => {
    const key = name + JSON.stringify(labels);
    counts[key] = (counts[key] ?? 0) + by;
  };
  for (const row of await db.select().from(conversions)) {
    add("conversions_created_total", [row.kind]);
    const provider = row.providerUsed ?? row.providerRequested ?? "default";
    if (isTerminal(row.status)) add("conversions_total", [row.kind, provider, row.status]);
  }
  for (const { state, units } of await db.select().from(quotaLedger)) {
    add("quota_units_total", ["reserved"], units);
    if (state !== "reserved") add("quota_units_total", [state], units);
  }
  for (const { queue, outcome } of await db.select().from(deadLetters))
    add("dead_letters_total", [queueLabel(queue), outcome]);
  for (const { provider, model, outcome } of await db.select().from(providerCalls)) {
    if (outcome !== "pending") add("provider_calls_total", [provider, model, outcome]);
  }
  return counts;
}

export function storedResult(conversionId: string): StoredResult {
  const imageId = `img_${conversionId.slice(4)}`;
  const picture = { mime: "image/jpeg", bytes: 10, width: 64, height: 64, sha256: "00" } as const;
  return { imageId, ...picture, provider: "local", model: "m", degraded: false };
}

export function times<T>(n: number, make: (i: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: n }, (_, i) => make(i)));
}
