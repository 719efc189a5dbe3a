import { eq } from "drizzle-orm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { conversionEvents, conversions, outbox, quotaLedger } from "../../../src/db/d1/schema/index.ts";
import { runConversion, sweepConversions } from "../../../src/modules/conversions/jobs.ts";
import { conversionSchema } from "../../../src/modules/conversions/schemas.ts";
import { conversionInput, createConditions, newConversion } from "../../factories.ts";
import { apiWith } from "../support/app.ts";
import { setClock } from "../support/auth.ts";
import { api, signUp } from "../support/client.ts";
import { d1, db } from "../support/database.ts";
import { uploadPerson, usageOf } from "../support/pictures.ts";
import { fakeGenerator, workerStage } from "../support/worker.ts";

afterEach(() => {
  vi.useRealTimers();
});

interface Message {
  readonly conversionId: string;
}

/** A queue that keeps what it is sent from everybody. */
function silentQueue() {
  const sent: Message[] = [];
  return { sent, CONVERSION_QUEUE: { send: async (message: Message) => void sent.push(message) } };
}

const style = (personImageId: string, more: object = {}) => ({
  kind: "style",
  personImageId,
  stylePreset: "ink",
  ...more,
});

/** A user with a photo, and requests for a conversion of it that reach no worker. */
async function creator(environment: object = silentQueue()) {
  const { token, userId } = await signUp();
  const photo = await uploadPerson(token);
  const create = (headers: Record<string, string> = {}) =>
    apiWith(environment, "/api/conversions", { token, json: style(photo.id), headers });
  const created = async () => {
    const response = await create();
    expect(response.status).toBe(202);
    return conversionSchema.parse(await response.json()).id;
  };
  return { token, userId, photo, create, created };
}

const unitOf = async (id: string) =>
  (await db.select().from(quotaLedger).where(eq(quotaLedger.conversionId, id)))[0] ?? null;

describe("a request", () => {
  it("sent again under its key makes no second row, message or reservation", async () => {
    const queue = silentQueue();
    const { token, userId, create } = await creator(queue);
    const ids = [];
    for (let i = 0; i < 3; i++)
      ids.push(((await (await create({ "Idempotency-Key": "once" })).json()) as { id: string }).id);
    expect(new Set(ids).size).toBe(1);
    expect(await d1.countRows("conversions", userId)).toBe(1);
    expect(queue.sent.map(({ conversionId }) => conversionId)).toEqual([ids[0]]);
    expect(await usageOf(token)).toMatchObject({ used: 0, reserved: 1 });
  });

  it("for the last unit is one of twenty at once", async () => {
    const { userId, create } = await creator({ ...silentQueue(), FREE_MONTHLY_CONVERSIONS: "1" });
    const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await create()).status));
    expect(statuses.sort()).toEqual([202, ...new Array<number>(19).fill(402)]);
    expect(await d1.countRows("conversions", userId)).toBe(1);
  });

  it("that fails behind its reservation leaves no trace of it: row, event, unit and promise are one write", async () => {
    const { userId, personImageId, newConversion: create } = await workerStage(fakeGenerator());
    const first = await create();
    const [promise] = (await db.select().from(outbox)).filter(({ payload }) => JSON.stringify(payload).includes(first));
    const conversion = newConversion(userId, conversionInput(personImageId));
    // The promise is written after the unit; its id is taken.
    const conditions = createConditions(conversion.createdAt, { outboxId: promise?.id as string });
    await expect(d1.conversions.create(conversion, conditions)).rejects.toThrow();
    expect(await db.select().from(conversions).where(eq(conversions.id, conversion.id))).toEqual([]);
    expect(await db.select().from(conversionEvents).where(eq(conversionEvents.conversionId, conversion.id))).toEqual(
      [],
    );
    expect(await unitOf(conversion.id)).toBeNull();
    expect(await d1.conversions.create(conversion, createConditions(conversion.createdAt))).toEqual({
      kind: "created",
    });
  });

  it("whose message the queue refuses is accepted all the same, and the sweeper sends it", async () => {
    const down = { CONVERSION_QUEUE: { send: () => Promise.reject(new Error("the queue is down")) } };
    const { token, created } = await creator(down);
    const id = await created();
    const promised = async () =>
      (await db.select().from(outbox)).filter(({ payload }) => JSON.stringify(payload).includes(id)).length;
    const stage = await workerStage(fakeGenerator());
    const sent = () => stage.sent.splice(0).filter((message) => message.id === id);
    await sweepConversions(stage.deps);
    // Not yet late: a spare for when it will be.
    expect(sent()).toEqual([{ id, delaySeconds: expect.closeTo(4, -1) }]);
    expect(await promised()).toBe(1);
    stage.advance(16_000);
    await sweepConversions(stage.deps);
    expect(sent()).toContainEqual({ id, delaySeconds: 0 });
    expect(await promised()).toBe(0);
    await runConversion(stage.deps, id);
    expect(await (await api(`/api/conversions/${id}`, { token })).json()).toMatchObject({ status: "succeeded" });
    expect(await usageOf(token)).toMatchObject({ used: 1, reserved: 0 });
  });
});

describe("a month's end between reservation and settlement", () => {
  const LAST_SECOND = Date.UTC(2027, 0, 31, 23, 59, 59);
  const NEXT_MONTH = Date.UTC(2027, 1, 1, 0, 0, 1);

  it("releases to the month the unit came from, and takes nothing from the new one", async () => {
    setClock(LAST_SECOND);
    const { token, userId, created } = await creator();
    const [canceled, expired] = [await created(), await created()];
    expect(await usageOf(token)).toMatchObject({ reserved: 2, remaining: 8 });
    setClock(NEXT_MONTH);
    expect((await api(`/api/conversions/${canceled}/cancel`, { method: "POST", token })).status).toBe(200);
    setClock(NEXT_MONTH + 9 * 60_000);
    await d1.conversions.expire(expired, NEXT_MONTH + 10 * 60_000);
    for (const id of [canceled, expired]) {
      expect(await unitOf(id)).toMatchObject({ period: "2027-01", state: "released", units: 1 });
    }
    expect(await usageOf(token)).toMatchObject({ used: 0, reserved: 0, remaining: 10 });
    expect(await d1.quota.usage(userId, "2027-01")).toMatchObject({ used: 0, reserved: 0 });
  });

  it("charges a success to the month it was asked for in", async () => {
    setClock(LAST_SECOND);
    const { token, userId, created } = await creator();
    const id = await created();
    setClock(NEXT_MONTH);
    await runConversion((await workerStage(fakeGenerator())).deps, id);
    expect(await unitOf(id)).toMatchObject({ period: "2027-01", state: "committed" });
    expect(await usageOf(token)).toMatchObject({ used: 0, reserved: 0, remaining: 10 });
    expect(await d1.quota.usage(userId, "2027-01")).toMatchObject({ used: 1, reserved: 0 });
  });
});
