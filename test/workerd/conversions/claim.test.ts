import { eq } from "drizzle-orm";
import { expect, it } from "vitest";
import { images, stageTimings } from "../../../src/db/d1/schema/index.ts";
import { LEASE_MS } from "../../../src/modules/conversions/conversion.ts";
import { conversionInput, createConditions, newConversion } from "../../factories.ts";
import { d1, db, insertImage, insertUser } from "../support/database.ts";

const options = { leaseMs: LEASE_MS, maxAttempts: 4, attemptsSpent: false };

async function created(change: Parameters<typeof newConversion>[2] = {}) {
  const userId = await insertUser();
  const person = await insertImage(userId, { mime: "image/png", width: 300, height: 400 });
  const garment = await insertImage(userId, { mime: "image/jpeg", width: 96, height: 64 });
  const input = conversionInput(person, { kind: "tryon", stylePreset: null, garmentImageId: garment, prompt: "blue" });
  const conversion = newConversion(userId, input, change);
  const { createdAt: now } = conversion;
  expect(await d1.conversions.create(conversion, createConditions(now))).toEqual({ kind: "created" });
  return { id: conversion.id, userId, person, garment, now };
}

it("a claim gives the conversion as it is then, whole", async () => {
  const origin = { requestId: "r", traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` };
  const { id, userId, now } = await created({ title: "t", metadata: { a: "1" }, origin });
  const claim = await d1.conversions.claim(id, { ...options, now });
  expect(claim?.lease).toMatchObject({ conversionId: id, userId });
  expect(claim?.conversion).toMatchObject({
    attempt: 1,
    version: 2,
    status: "processing",
    metadata: { a: "1" },
    origin,
  });
  const { leaseUntil, deleted, ...found } = (await d1.conversions.inspect(id)) ?? {};
  expect([leaseUntil, deleted]).toEqual([now + LEASE_MS, false]);
  expect(claim?.conversion).toEqual(found);
});

it("a claim gives the inputs that are there, and what the kind takes each provider", async () => {
  const { id, person, garment, now } = await created();
  await db.update(images).set({ deletedAt: now }).where(eq(images.id, garment));
  const row = { fetchingMs: 1, generatingMs: 2, encodingMs: 3, storingMs: 4, updatedAt: now };
  await db.insert(stageTimings).values([
    { ...row, kind: "tryon", provider: "local" },
    { ...row, kind: "tryon", provider: "gemini", generatingMs: 20 },
    { ...row, kind: "style", provider: "workers-ai" },
  ]);
  const claim = await d1.conversions.claim(id, { ...options, now });
  const [source] = claim?.sources.values() ?? [];
  expect([...(claim?.sources.keys() ?? [])]).toEqual([person]);
  expect(source).toMatchObject({ mime: "image/png", width: 300, height: 400 });
  expect(source?.originalKey).toContain(person);
  expect(Object.fromEntries(claim?.times ?? [])).toEqual({
    local: { fetching: 1, generating: 2, encoding: 3, storing: 4 },
    gemini: { fetching: 1, generating: 20, encoding: 3, storing: 4 },
  });
});

it("one picture for two inputs is one source", async () => {
  const userId = await insertUser();
  const both = await insertImage(userId);
  const input = conversionInput(both, { kind: "tryon", stylePreset: null, garmentImageId: both });
  const { id, createdAt: now, ...rest } = newConversion(userId, input);
  await d1.conversions.create({ id, createdAt: now, ...rest }, createConditions(now));
  const claim = await d1.conversions.claim(id, { ...options, now });
  expect([...(claim?.sources.keys() ?? [])]).toEqual([both]);
});
