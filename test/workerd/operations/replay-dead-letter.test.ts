import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, it } from "vitest";
import { createD1DeadLetters } from "../../../src/db/d1/repositories/dead-letters.ts";
import { conversionEvents, conversions, deadLetters, images, users } from "../../../src/db/d1/schema/index.ts";
import { newId } from "../../../src/kernel/ids.ts";
import type { DeadLetterOutcome } from "../../../src/modules/conversions/dead-letters.ts";
import { conversionInput, createConditions, newConversion } from "../../factories.ts";
import { eventsOf, refused, signUpAdmin } from "../admin/support.ts";
import { apiWith } from "../support/app.ts";
import { type SignedUp, signUp } from "../support/client.ts";
import { d1, db, insertImage } from "../support/database.ts";
import { usageOf } from "../support/pictures.ts";
import { DEAD_QUEUE } from "./support.ts";

let admin: SignedUp;

beforeAll(async () => {
  admin = await signUpAdmin();
});

const sent: unknown[] = [];
/** Nothing runs: what becomes of a conversion is up to the test. */
const IDLE = { CONVERSION_QUEUE: { send: async (message: unknown) => void sent.push(message) } };

const replay = (id: string, by: SignedUp = admin, env: object = {}) =>
  apiWith({ ...IDLE, ...env }, `/api/admin/dead-letters/${id}/replay`, { method: "POST", token: by.token });

async function letterAbout(conversionId: string | null, outcome: DeadLetterOutcome = "failed"): Promise<string> {
  const id = newId("dlt", Date.now());
  const row = { id, queue: DEAD_QUEUE, messageId: crypto.randomUUID(), conversionId, outcome };
  await createD1DeadLetters(db).record({ ...row, body: "{}", attempts: 1, receivedAt: Date.now() });
  return id;
}

/** A user whose conversion was never delivered, and the letter that tells of it. */
async function undelivered() {
  const owner = await signUp();
  const input = conversionInput(await insertImage(owner.userId), { prompt: "with a hat", seed: 7 });
  const fields = { title: "Mine", metadata: { order: "12" } };
  const conversion = newConversion(owner.userId, input, fields);
  await d1.conversions.create(conversion, createConditions(conversion.createdAt));
  await d1.conversions.failUndelivered(conversion.id, "delivery_exhausted", Date.now());
  return { owner, input, conversionId: conversion.id, letterId: await letterAbout(conversion.id) };
}

async function replaysOf(conversionId: string) {
  return db.select().from(conversions).where(eq(conversions.retryOf, conversionId));
}

describe("replaying a dead letter", () => {
  it("makes a new conversion of the owner's with the same inputs, a unit and a message", async () => {
    const { owner, input, conversionId, letterId } = await undelivered();
    const response = await replay(letterId);
    expect(response.status).toBe(202);
    const made = ((await response.json()) as { conversionId: string }).conversionId;
    expect(await d1.conversions.find(owner.userId, made)).toMatchObject({
      status: "queued",
      input,
      title: "Mine",
      metadata: { order: "12" },
      retryOf: conversionId,
      usage: { units: 1, state: "reserved" },
    });
    expect(await usageOf(owner.token)).toMatchObject({ used: 0, reserved: 1 });
    expect(sent).toContainEqual({ v: 1, type: "conversion.run", conversionId: made, origin: expect.any(Object) });
    const [letter] = await db.select().from(deadLetters).where(eq(deadLetters.id, letterId));
    expect(letter).toMatchObject({ replayedAs: made, replayedAt: expect.any(Number) });
    expect(await eventsOf(admin, owner)).toMatchObject([
      {
        action: "admin.replay_dead_letter",
        outcome: "success",
        actorId: admin.userId,
        sessionId: admin.sessionId,
        detail: { conversion: made },
      },
    ]);
  });

  it("of racing replays makes one, also where two letters tell of the same conversion", async () => {
    const { owner, conversionId, letterId } = await undelivered();
    const second = await letterAbout(conversionId);
    const other = await signUpAdmin();
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, i) => replay(i % 2 ? letterId : second, i % 3 ? admin : other)),
    );
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(15);
    const [made, ...more] = await replaysOf(conversionId);
    expect(more).toEqual([]);
    expect(await usageOf(owner.token)).toMatchObject({ reserved: 1 });
    const letters = await db.select().from(deadLetters).where(eq(deadLetters.conversionId, conversionId));
    expect(letters.map(({ replayedAs }) => replayedAs).filter((id) => id !== null)).toEqual([made?.id]);
    const events = [...(await eventsOf(admin, owner)), ...(await eventsOf(other, owner))];
    expect(events.filter(({ outcome }) => outcome === "success")).toHaveLength(1);
    expect(await refused(replay(letterId), 409)).toBe("invalid_transition");
  });

  it("keeps its promise to the queue where the message can't be sent", async () => {
    const { letterId } = await undelivered();
    const env = { CONVERSION_QUEUE: { send: () => Promise.reject(new Error("the queue is down")) } };
    const response = await replay(letterId, admin, env);
    expect(response.status).toBe(202);
    const { conversionId } = (await response.json()) as { conversionId: string };
    const due = await d1.outbox.listDue(["conversion.run"], Date.now() + 20_000, 1_000);
    expect(due.some(({ payload }) => payload.conversionId === conversionId)).toBe(true);
  });

  it("is refused for want of a unit of the owner's, and may be asked for again", async () => {
    const { owner, conversionId, letterId } = await undelivered();
    await db.update(users).set({ planId: "free" }).where(eq(users.id, owner.userId));
    expect(await refused(replay(letterId, admin, { FREE_MONTHLY_CONVERSIONS: "0" }), 402)).toBe("quota_exceeded");
    expect(await replaysOf(conversionId)).toEqual([]);
    expect(await eventsOf(admin, owner)).toMatchObject([
      { action: "admin.replay_dead_letter", outcome: "failure", detail: { code: "quota_exceeded" } },
    ]);
    expect((await replay(letterId)).status).toBe(202);
  });

  it("is refused when the picture is gone", async () => {
    const { input, letterId } = await undelivered();
    await db.update(images).set({ deletedAt: 1 }).where(eq(images.id, input.personImageId));
    expect(await refused(replay(letterId), 404)).toBe("image_not_found");
  });

  it("is refused when the conversion or its owner is gone", async () => {
    const removed = await undelivered();
    await d1.conversions.remove(removed.owner.userId, removed.conversionId, Date.now());
    expect(await refused(replay(removed.letterId), 404)).toBe("conversion_not_found");
    const left = await undelivered();
    expect((await apiWith(IDLE, "/api/users/me", { method: "DELETE", token: left.owner.token })).status).toBe(204);
    expect(await refused(replay(left.letterId), 404)).toBe("dead_letter_not_found");
    expect(await refused(replay(await letterAbout(left.conversionId)), 404)).toBe("conversion_not_found");
    expect(await replaysOf(left.conversionId)).toEqual([]);
    expect(await refused(replay(await letterAbout("cnv_none")), 404)).toBe("conversion_not_found");
  });

  it("is refused for a letter that is not there, names nothing, or tells of a conversion at work", async () => {
    expect(await refused(replay("dlt_none"), 404)).toBe("dead_letter_not_found");
    expect(await refused(replay(await letterAbout(null, "unreadable")), 409)).toBe("invalid_transition");
    const owner = await signUp();
    const conversion = newConversion(owner.userId, conversionInput(await insertImage(owner.userId)));
    await d1.conversions.create(conversion, createConditions(conversion.createdAt));
    const early = await letterAbout(conversion.id, "ended");
    expect(await refused(replay(early), 409)).toBe("invalid_transition");
    await d1.conversions.cancel(owner.userId, conversion.id, Date.now());
    expect((await replay(early)).status).toBe(202);
  });

  it("takes a conversion that is out of time as the expired one it is", async () => {
    const owner = await signUp();
    const late = { deadlineAt: Date.now() - 1 };
    const conversion = newConversion(owner.userId, conversionInput(await insertImage(owner.userId)), late);
    await d1.conversions.create(conversion, createConditions(conversion.createdAt));
    expect((await replay(await letterAbout(conversion.id, "ended"))).status).toBe(202);
    const events = await db.select().from(conversionEvents).where(eq(conversionEvents.conversionId, conversion.id));
    expect(events.at(-1)?.status).toBe("expired");
  });

  it("is nothing for one who ceases to be an admin at that moment", async () => {
    const { owner, input, conversionId, letterId } = await undelivered();
    const conversion = newConversion(owner.userId, input, { retryOf: conversionId });
    const conditions = (adminId: string) =>
      createConditions(conversion.createdAt, { replay: { deadLetterId: letterId, adminId } });
    const former = await signUp();
    expect(await d1.conversions.create(conversion, conditions(former.userId))).toEqual({ kind: "not_admin" });
    expect(await replaysOf(conversionId)).toEqual([]);
    expect(await d1.conversions.create(conversion, conditions(admin.userId))).toEqual({ kind: "created" });
    const again = newConversion(owner.userId, input, { retryOf: conversionId });
    expect(await d1.conversions.create(again, conditions(admin.userId))).toEqual({ kind: "already_replayed" });
  });
});
