import { DrizzleQueryError } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import { expect, it } from "vitest";
import type { Database } from "../../../src/db/d1/atomic.ts";
import { createD1ConversionRepository } from "../../../src/db/d1/repositories/conversions.ts";
import { createD1ImageRepository } from "../../../src/db/d1/repositories/images.ts";
import { bindings } from "../support/database.ts";

const DOWN = new Error("D1_ERROR: the database is down");

/** A database that takes statements and answers none. */
function down(): Database {
  const statement = { bind: () => statement, raw: () => Promise.reject(DOWN), all: () => Promise.reject(DOWN) };
  return drizzle({ prepare: () => statement } as unknown as D1Database) as Database;
}

const failureOf = (work: Promise<unknown>) => work.then(() => null).catch((error: unknown) => error);

it("a read that was built beforehand fails as one that drizzle builds: with its statement and the database's words", async () => {
  const first = { limit: 1, afterKey: null };
  const built = createD1ConversionRepository(down());
  const plain = createD1ImageRepository(down());
  for (const work of [
    built.find("u", "c"),
    built.list("u", { status: null, kind: null }, first),
    plain.find("u", "i"),
  ]) {
    const error = await failureOf(work);
    expect(error).toBeInstanceOf(DrizzleQueryError);
    expect(error).toMatchObject({ cause: DOWN, query: expect.stringContaining("select "), params: expect.any(Array) });
  }
});

it("a read that failed once is no worse for it: the next one is answered", async () => {
  await failureOf(createD1ConversionRepository(down()).find("u", "c"));
  expect(await createD1ConversionRepository(drizzle(bindings.DB)).find("u", "c")).toBeNull();
});

it("reads of different filters, in any order, never answer by each other's statement", async () => {
  const texts: string[] = [];
  const prepare = (text: string) => {
    texts.push(text);
    return bindings.DB.prepare(text);
  };
  const repository = createD1ConversionRepository(drizzle({ prepare } as unknown as D1Database) as Database);
  const filters = ([null, "queued"] as const).flatMap((status) =>
    ([null, "style"] as const).flatMap((kind) => [null, "cnv_z"].map((afterKey) => ({ status, kind, afterKey }))),
  );
  for (const { status, kind, afterKey } of [...filters, ...filters.toReversed()]) {
    await repository.list("u", { status, kind }, { limit: 1, afterKey });
    const where = texts.at(-1)?.split(" where ")[1] ?? "";
    const has = [/"status" = \?/, /"kind" = \?/, /"id" < \?/].map((part) => part.test(where));
    expect(has).toEqual([status !== null, kind !== null, afterKey !== null]);
  }
});
