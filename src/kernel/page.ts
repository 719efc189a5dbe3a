import { z } from "zod";

/** Digits alone: what JavaScript would read as a number besides (`0x10`, `1e1`, blanks) is left for the schema to refuse. */
const digits = (value: unknown): unknown => (typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value);

const wholeNumber = z.number({
  error: ({ code }) => (code === "invalid_type" ? "Give a whole number, in digits." : "Give 1 to 100."),
});

/** The query of every list. A cursor of any shape is for whoever issues cursors to judge. */
export const pageFields = {
  limit: z.preprocess(digits, wholeNumber.int().min(1).max(100)).default(20),
  cursor: z.string().optional(),
};

/** One page of a list in keyset order, newest first. `nextKey` is the last item's id when more follow. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextKey: string | null;
}

/** `afterKey` is the id after which the page starts, exclusive; `limit` is 1–100. */
export interface PageRequest {
  readonly limit: number;
  readonly afterKey: string | null;
}

/** Cuts `limit + 1` fetched rows to a page. */
export function toPage<T>(rows: readonly T[], limit: number, keyOf: (row: T) => string): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextKey: rows.length > limit && last !== undefined ? keyOf(last) : null };
}
