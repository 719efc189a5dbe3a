import { applyD1Migrations } from "cloudflare:test";
import { beforeEach, expect, it } from "vitest";
import { createD1DeadLetters } from "../../../src/db/d1/repositories/dead-letters.ts";
import { createD1ProviderCalls } from "../../../src/db/d1/repositories/provider-calls.ts";
import { users } from "../../../src/db/d1/schema/index.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { DEAD_LETTER_OUTCOMES } from "../../../src/modules/conversions/dead-letters.ts";
import { PROVIDER_IDS } from "../../../src/ports/image-generator.ts";
import { conversionInput, createConditions, newConversion } from "../../factories.ts";
import { bindings, d1, db, insertImage, insertUser } from "../support/database.ts";
import { counters, rowsSay, storedResult } from "./support.ts";

const COUNTERS_MIGRATION = "0008_business-counters.sql";
const NOW = Date.now();
const repository = d1.conversions;
const calls = createD1ProviderCalls(db);
const letters = createD1DeadLetters(db);

/** Takes the database back to before there were counters. */
async function takeBack(): Promise<void> {
  await bindings.DB.batch([
    bindings.DB.prepare("DROP TABLE business_counters"),
    bindings.DB.prepare("ALTER TABLE conversions DROP COLUMN origin"),
    bindings.DB.prepare("DELETE FROM d1_migrations WHERE name = ?").bind(COUNTERS_MIGRATION),
  ]);
}

/** Applies what is missing, as a deployment does. */
const migrate = () => applyD1Migrations(bindings.DB, bindings.TEST_MIGRATIONS);

async function stage() {
  const userId = await insertUser();
  const image = await insertImage(userId);
  const create = async (change: Parameters<typeof conversionInput>[1] = {}) => {
    const made = newConversion(userId, conversionInput(image, change), { createdAt: NOW });
    expect(await repository.create(made, createConditions(NOW))).toEqual({ kind: "created" });
    return made.id;
  };
  const claim = async (id: string) => {
    const claimed = await repository.claim(id, { now: NOW, leaseMs: 30_000, maxAttempts: 4, attemptsSpent: false });
    if (claimed === null) throw new Error("the stage could not claim its conversion");
    return claimed.lease;
  };
  return { userId, create, claim };
}

/** Something of everything that is counted, and of what is not counted yet. */
async function everything() {
  const { userId, create, claim } = await stage();
  await create();
  await claim(await create({ kind: "tryon" }));
  for (const providerRequested of [null, ...PROVIDER_IDS]) {
    await repository.cancel(userId, await create({ providerRequested }), NOW);
    await repository.fail(await claim(await create({ providerRequested, kind: "tryon" })), "no_image", NOW);
    const id = await create({ providerRequested });
    await repository.succeed(await claim(id), storedResult(id), { now: NOW, answerOutboxId: null });
  }
  await repository.expire(await create(), NOW + 3_600_000);
  // One that its owner deleted has been counted all the same.
  await repository.remove(userId, await create(), NOW);
  for (const [i, outcome] of DEAD_LETTER_OUTCOMES.entries()) {
    const row = { queue: `dead-${i % 2}`, messageId: `m${i}`, conversionId: null, body: "{}", attempts: 1 };
    await letters.record({ ...row, id: newId("dlt", NOW), outcome, receivedAt: NOW });
  }
  for (const [i, outcome] of ([null, "success", "success", "timeout"] as const).entries()) {
    const id = newId("pcl", NOW);
    const call = { id, conversionId: "cnv", attempt: 1, provider: "gemini", model: `m${i % 2}` } as const;
    await calls.begin({ ...call, expectedMicros: 1, budgetMicros: null, startedAt: NOW });
    if (outcome !== null) await calls.settle(id, { outcome, usage: null, free: false, endedAt: NOW });
  }
}

beforeEach(async () => {
  // Where there was a failure, the table may be gone.
  await migrate();
});

it("an empty database starts with empty counters", async () => {
  expect(await counters()).toEqual({});
  await takeBack();
  await migrate();
  expect(await counters()).toEqual({});
});

it("counters of a database that is in use start from what its tables hold, and go on from there", async () => {
  await everything();
  const counted = await counters();
  expect(Object.keys(counted).length).toBeGreaterThan(15);
  const registered = { "user_registrations_total[]": await db.$count(users) };
  await takeBack();
  await expect(counters()).rejects.toThrow();
  await migrate();
  expect(await counters()).toEqual({ ...counted, ...registered });
  expect(await counters()).toEqual({ ...(await rowsSay()), ...registered });
  await everything();
  expect(await counters()).toEqual({ ...(await rowsSay()), ...registered });
});

it("conversions that were there before have no origin, and can be read and ended", async () => {
  const { userId, create } = await stage();
  const id = await create();
  await takeBack();
  await migrate();
  expect(await repository.find(userId, id)).toMatchObject({ id, origin: null });
  expect(await repository.cancel(userId, id, NOW)).toBe(true);
});
