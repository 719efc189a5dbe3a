import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import { getTableConfig } from "drizzle-orm/sqlite-core";
import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import type { Database } from "../../../src/db/d1/atomic.ts";
import { createD1ConversionRepository } from "../../../src/db/d1/repositories/conversions.ts";
import { imageValues } from "../../../src/db/d1/repositories/images.ts";
import {
  auditLog,
  conversionEvents,
  conversions,
  deadLetters,
  idempotencyRecords,
  images,
  outbox,
  quotaLedger,
  users,
} from "../../../src/db/d1/schema/index.ts";
import { newId } from "../../../src/kernel/ids.ts";
import type { CreateConditions, NewConversion } from "../../../src/modules/conversions/repository.ts";
import type { NewImage } from "../../../src/modules/images/index.ts";
import { GARMENT_CATEGORIES, PROVIDER_IDS } from "../../../src/ports/image-generator.ts";
import { auditEvent, conversionInput, createConditions, newConversion } from "../../factories.ts";
import { bindings, db, insertImage, insertUser } from "../support/database.ts";

const NOW = Date.UTC(2026, 10, 30);
/** D1 takes no more values for one statement. */
const MOST_PARAMETERS = 100;

const readable = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("", "null", "true", "1", "1e3", " 7 ", "a\u0000b", "سلام 👩🏽‍🚀", "'; DROP TABLE users; --"),
);
/** Half of a pair is no letter: the database can't give it back, but stores the same for it whoever writes it. */
const anyText = fc.oneof({ weight: 9, arbitrary: readable }, { weight: 1, arbitrary: fc.constant("\ud800") });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const pairs = <T>(key: fc.Arbitrary<string>, value: fc.Arbitrary<T>) =>
  fc.dictionary(key, value, { maxKeys: 4, noNullPrototype: true });

/** What differs from one creation to the next; images, keys and ids are given by the stage. */
const wishOf = (text: fc.Arbitrary<string>) =>
  fc.record({
    kind: fc.constantFrom("style", "tryon"),
    garment: fc.boolean(),
    style: fc.boolean(),
    upload: fc.boolean(),
    category: maybe(fc.constantFrom(...GARMENT_CATEGORIES)),
    stylePreset: maybe(text),
    prompt: maybe(text),
    seed: fc.oneof(fc.constantFrom(0, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, Number.MAX_SAFE_INTEGER), fc.maxSafeNat()),
    outputMime: fc.constantFrom("image/jpeg", "image/png", "image/webp"),
    providerRequested: maybe(fc.constantFrom(...PROVIDER_IDS)),
    fallback: fc.constantFrom("deny", "allow"),
    title: maybe(text),
    metadata: pairs(text, text),
    retryOf: maybe(text),
    origin: maybe(fc.record({ requestId: text, traceparent: text }, { noNullPrototype: true })),
    key: maybe(fc.record({ fingerprint: text, body: text, status: fc.constantFrom(201, 202) })),
    event: maybe(
      fc.record({
        sessionId: maybe(text),
        ipPrefix: maybe(text),
        detail: maybe(pairs(text, fc.oneof(text, fc.boolean(), fc.integer()))),
      }),
    ),
    replay: fc.boolean(),
    cleanUp: fc.boolean(),
  });
type Wish = ReturnType<typeof wishOf> extends fc.Arbitrary<infer W> ? W : never;

interface Case {
  readonly conversion: NewConversion;
  readonly conditions: CreateConditions;
}

let userId: string;
let adminId: string;
let own: { person: string; garment: string; style: string };

beforeAll(async () => {
  [userId, adminId] = await Promise.all([insertUser(), insertUser()]);
  await db.update(users).set({ role: "admin" }).where(sql`${users.id} = ${adminId}`);
  const [person, garment, style] = await Promise.all([insertImage(userId), insertImage(userId), insertImage(userId)]);
  own = { person, garment, style };
});

function uploadOf(id: string): NewImage {
  const keys = { originalKey: `${id}/original`, thumbnailKey: `${id}/thumbnail` };
  const size = { bytes: 1, width: 1, height: 1, sha256: "00" };
  return { id, userId, kind: "person", mime: "image/png", ...size, ...keys, createdAt: NOW };
}

async function caseOf(wanted: Wish): Promise<Case> {
  const { kind, category, stylePreset, prompt, seed, outputMime, providerRequested, fallback } = wanted;
  const newImages = wanted.upload ? [uploadOf(newId("img", NOW))] : [];
  const input = conversionInput(newImages[0]?.id ?? own.person, {
    ...{ kind, category, stylePreset, prompt, seed, outputMime, providerRequested, fallback },
    garmentImageId: wanted.garment ? own.garment : null,
    styleImageId: wanted.style ? own.style : null,
  });
  const { title, metadata, retryOf, origin } = wanted;
  const conversion = newConversion(userId, input, { title, metadata, retryOf, origin, createdAt: NOW });
  const limits = { lockedUntil: NOW + 1, expiresAt: NOW + 2 };
  const names = { operation: "create", key: crypto.randomUUID(), conversionId: conversion.id };
  const subject = { userId };
  const conditions = createConditions(NOW, {
    maxConcurrent: 1e6,
    defaultMonthlyUnits: 1e6,
    newImages,
    cleanUpId: wanted.cleanUp ? newId("obx", NOW) : null,
    idempotency: wanted.key && { ...wanted.key, ...names, ...limits },
    event: wanted.event && auditEvent({ ...wanted.event, subject, action: "conversion.create", createdAt: NOW }),
    replay: wanted.replay ? { deadLetterId: newId("dlt", NOW), adminId } : null,
  });
  await setStage({ conversion, conditions });
  return { conversion, conditions };
}

/** The letter that is replayed, and the promise to delete what was uploaded. */
async function setStage({ conditions: { replay, cleanUpId } }: Case): Promise<void> {
  if (cleanUpId !== null) {
    await db.insert(outbox).values({ id: cleanUpId, topic: "objects.delete", payload: {}, dueAt: NOW, createdAt: NOW });
  }
  if (replay === null) return;
  const letter = { queue: "q", messageId: replay.deadLetterId, conversionId: replay.deadLetterId, body: "{}" };
  const rest = { attempts: 1, outcome: "failed", receivedAt: NOW } as const;
  await db.insert(deadLetters).values({ id: replay.deadLetterId, ...letter, ...rest });
}

/** The same without conditions: each row by an insert of drizzle's own. */
async function insertPlainly({ conversion, conditions }: Case): Promise<void> {
  const { input, id, createdAt, title, metadata, retryOf, origin, deadlineAt } = conversion;
  const { outputMime, ...inputs } = input;
  const { idempotency, event, replay, cleanUpId, newImages, period, outboxId, outboxDueAt } = conditions;
  const queued = { status: "queued", stage: "queued", progress: 0 } as const;
  const created = { version: 1, writeId: "", createdAt, updatedAt: createdAt, notBefore: createdAt, wakeAt: createdAt };
  const flags = { degraded: false, dataRemoved: false, favorite: false, attempt: 0 };
  const given = { id, userId, outputFormat: outputMime, title, metadata, retryOf, origin, deadlineAt };
  for (const image of newImages) await db.insert(images).values(imageValues(image));
  await db.insert(conversions).values({ ...inputs, ...queued, ...created, ...flags, ...given });
  const first = { conversionId: id, version: 1, type: "conversion.queued", ...queued, cause: "created", at: createdAt };
  await db.insert(conversionEvents).values(first);
  const unit = { conversionId: id, userId, period, bucket: "plan", units: 1, state: "reserved" } as const;
  await db.insert(quotaLedger).values({ ...unit, reservedAt: createdAt });
  const message = { id: outboxId, topic: "conversion.run", payload: { conversionId: id } } as const;
  await db.insert(outbox).values({ ...message, dueAt: outboxDueAt, createdAt });
  if (idempotency !== null) await db.insert(idempotencyRecords).values({ userId, ...idempotency });
  if (event !== null) await db.insert(auditLog).values({ ...event, userId });
  if (cleanUpId !== null) await db.delete(outbox).where(sql`${outbox.id} = ${cleanUpId}`);
  if (replay !== null) {
    const where = sql`${deadLetters.id} = ${replay.deadLetterId}`;
    await db.update(deadLetters).set({ replayedAs: id, replayedAt: createdAt }).where(where);
  }
}

/** All that a creation may have left, byte for byte and with SQLite's own types; names that differ are told as `#n`. */
async function leftBy({ conversion: { id }, conditions }: Case): Promise<unknown> {
  const { idempotency, event, replay, cleanUpId, newImages, outboxId } = conditions;
  const names = [id, outboxId, idempotency?.key, event?.id, replay?.deadLetterId, cleanUpId, newImages[0]?.id];
  const places: readonly (readonly [SQLiteTable, string, string | null | undefined])[] = [
    [conversionEvents, "conversion_id", id],
    [quotaLedger, "conversion_id", id],
    [conversions, "id", id],
    [idempotencyRecords, "key", idempotency?.key],
    [auditLog, "id", event?.id],
    [deadLetters, "id", replay?.deadLetterId],
    [outbox, "id", cleanUpId],
    [outbox, "id", outboxId],
    [images, "id", newImages[0]?.id],
  ];
  const statements = places.map(([table, column, value]) => {
    const { name, columns } = getTableConfig(table);
    // Each write has a name of its own; an event of the log names its actor, who is made up.
    const told = columns.filter((one) => !["write_id", "actor_id"].includes(one.name));
    const cells = told.map(
      (one) => `typeof("${one.name}") || ' ' || coalesce(hex("${one.name}"), '') AS "${one.name}"`,
    );
    return bindings.DB.prepare(`SELECT ${cells.join()} FROM "${name}" WHERE "${column}" = ?`).bind(value ?? null);
  });
  const rows = (await bindings.DB.batch(statements)).map(({ results }) => results);
  const hex = (name: string) => new TextEncoder().encode(name).toHex().toUpperCase();
  return names.reduce<string>(
    (told, name, i) => (name ? told.replaceAll(hex(name), `#${i}`) : told),
    JSON.stringify(rows, null, 1),
  );
}

it("a creation leaves the rows that drizzle's own inserts leave, byte for byte and type for type", async () => {
  const repository = createD1ConversionRepository(db);
  await fc.assert(
    fc.asyncProperty(wishOf(anyText), async (wanted) => {
      const [created, plain] = [await caseOf(wanted), await caseOf(wanted)];
      expect(await repository.create(created.conversion, created.conditions)).toEqual({ kind: "created" });
      await insertPlainly(plain);
      expect(await leftBy(created)).toBe(await leftBy(plain));
    }),
    { numRuns: 120 },
  );
}, 60_000);

it("what was created is read back as it was asked for", async () => {
  const repository = createD1ConversionRepository(db);
  await fc.assert(
    fc.asyncProperty(wishOf(readable), async (wanted) => {
      const { conversion, conditions } = await caseOf(wanted);
      await repository.create(conversion, conditions);
      const { title, metadata, retryOf, origin, deadlineAt, input } = conversion;
      const found = await repository.find(userId, conversion.id);
      expect(found).toMatchObject({ title, retryOf, deadlineAt, input, status: "queued", deleted: false });
      expect([found?.metadata, found?.origin]).toEqual([metadata, origin]);
    }),
    { numRuns: 40 },
  );
}, 60_000);

it("a key whose time is over, and that nobody has cleared away yet, is free for another conversion", async () => {
  const repository = createD1ConversionRepository(db);
  const make = (createdAt: number) => {
    const conversion = newConversion(userId, conversionInput(own.person), { createdAt });
    const record = { operation: "create", key: "again", fingerprint: "f", conversionId: conversion.id, status: 202 };
    const idempotency = { ...record, body: "{}", lockedUntil: 0, expiresAt: createdAt + 10 };
    return repository.create(conversion, createConditions(createdAt, { idempotency, defaultMonthlyUnits: 1e6 }));
  };
  expect((await make(NOW)).kind).toBe("created");
  expect((await make(NOW + 9)).kind).toBe("known_key");
  expect((await make(NOW + 10)).kind).toBe("created");
  const left = await db.select().from(idempotencyRecords).where(sql`${idempotencyRecords.key} = 'again'`);
  expect(left.map(({ expiresAt }) => expiresAt)).toEqual([NOW + 20]);
});

/** The test's database, and how many values each statement for it was given. */
function counting(counts: Map<string, number>): Database {
  const { DB } = bindings;
  const prepare = (statement: string) => {
    const prepared = DB.prepare(statement);
    const bind = prepared.bind.bind(prepared);
    prepared.bind = (...values) => {
      counts.set(statement, Math.max(values.length, counts.get(statement) ?? 0));
      return bind(...values);
    };
    return prepared;
  };
  return drizzle({ prepare, batch: DB.batch.bind(DB) } as unknown as D1Database) as Database;
}

it("no statement of any kind of creation has more values than D1 takes, nor of any page of a list", async () => {
  const counts = new Map<string, number>();
  const repository = createD1ConversionRepository(counting(counts));
  const flags = ["garment", "style", "upload", "key", "event", "replay", "cleanUp"] as const;
  const [full] = fc.sample(wishOf(readable), { seed: 1, numRuns: 1 }) as [Wish];
  const key = { fingerprint: "f", body: "{}", status: 202 } as const;
  const event = { sessionId: "s", ipPrefix: "i", detail: { a: 1 } };
  for (let shape = 0; shape < 2 ** flags.length; shape++) {
    const has = (flag: (typeof flags)[number]) => (shape & (1 << flags.indexOf(flag))) !== 0;
    const [garment, style, upload, replay] = [has("garment"), has("style"), has("upload"), has("replay")];
    const rest = { key: has("key") ? key : null, event: has("event") ? event : null };
    const { conversion, conditions } = await caseOf({
      ...full,
      garment,
      style,
      upload,
      replay,
      cleanUp: has("cleanUp"),
      ...rest,
    });
    expect(await repository.create(conversion, conditions), `shape ${shape}`).toEqual({ kind: "created" });
  }
  for (const status of [null, "queued"] as const) {
    for (const kind of [null, "style"] as const) {
      for (const afterKey of [null, "cnv_z"]) await repository.list(userId, { status, kind }, { limit: 20, afterKey });
    }
  }
  expect(counts.size).toBeGreaterThan(20);
  expect(Math.max(...counts.values())).toBeLessThanOrEqual(MOST_PARAMETERS);
}, 60_000);
