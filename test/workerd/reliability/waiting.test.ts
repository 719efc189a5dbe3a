import { eq } from "drizzle-orm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { plans, users } from "../../../src/db/d1/schema/index.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { runConversion } from "../../../src/modules/conversions/jobs.ts";
import { conversionSchema } from "../../../src/modules/conversions/schemas.ts";
import { type CreateCommand, createConversion } from "../../../src/modules/conversions/service/create-conversion.ts";
import { imageSchema } from "../../../src/modules/images/schemas.ts";
import { conversionInput } from "../../factories.ts";
import { apiWith } from "../support/app.ts";
import { setClock, withServices } from "../support/auth.ts";
import { api, signUp } from "../support/client.ts";
import { d1, db } from "../support/database.ts";
import { uploadPerson } from "../support/pictures.ts";
import { fakeGenerator, workerStage } from "../support/worker.ts";

afterEach(() => {
  vi.useRealTimers();
});

const SILENT = { CONVERSION_QUEUE: { send: async () => {} } };
const WAIT_MS = 1_000;

async function withPhoto() {
  const { token, userId, sessionId } = await signUp();
  const photo = await uploadPerson(token);
  return { token, userId, sessionId, photo };
}

/** A conversion by the verb, for a caller who waits a second; `look` takes the place of each look at the row. */
async function waitingCreate(
  look: (isLast: boolean, id: string, find: () => ReturnType<typeof d1.conversions.find>) => ReturnType<typeof find>,
) {
  const { userId, sessionId, photo } = await withPhoto();
  const command: CreateCommand = {
    input: conversionInput(photo.id),
    title: null,
    metadata: {},
    retryOf: null,
    newImages: [],
    cleanUpId: null,
    idempotency: null,
    audit: {
      eventId: newId("aud", Date.now()),
      action: "conversion.create",
      ipPrefix: null,
      subject: null,
      detail: null,
    },
    waitSeconds: WAIT_MS / 1000,
  };
  return withServices(async (services) => {
    const startedAt = Date.now();
    const conversions: typeof services.conversions = {
      ...services.conversions,
      find: (owner, id) => {
        const isLast = Date.now() >= startedAt + WAIT_MS;
        return look(isLast, id, () => services.conversions.find(owner, id));
      },
    };
    const answer = await createConversion({ ...services, conversions }, { userId, sessionId, role: "user" }, command);
    return { answer, tookMs: Date.now() - startedAt };
  }, SILENT);
}

describe("Prefer: wait", () => {
  it("answers 201 with a conversion that ends in the last moment of the wait", async () => {
    const { deps } = await workerStage(fakeGenerator());
    const { answer } = await waitingCreate(async (isLast, id, find) => {
      if (isLast) await runConversion(deps, id);
      return find();
    });
    expect(answer.status).toBe(201);
    const body = conversionSchema.parse(JSON.parse(answer.body));
    expect(body).toMatchObject({ status: "succeeded", usage: { state: "committed" } });
    expect((await api(body.output?.url as string)).status).toBe(200);
  });

  it("answers 202 without delay when the conversion ends a moment after the wait, and loses nothing", async () => {
    const { deps } = await workerStage(fakeGenerator());
    let late: Promise<unknown> | null = null;
    const { answer, tookMs } = await waitingCreate(async (isLast, id, find) => {
      const seen = await find();
      if (isLast) late = runConversion(deps, id);
      return seen;
    });
    await late;
    expect(answer.status).toBe(202);
    expect(tookMs).toBeGreaterThanOrEqual(WAIT_MS);
    expect(tookMs).toBeLessThan(WAIT_MS + 3_000);
    expect(conversionSchema.parse(JSON.parse(answer.body))).toMatchObject({ status: "queued", output: null });
    expect(await d1.conversions.inspect(answer.conversionId)).toMatchObject({ status: "succeeded" });
  });

  it("that was too short says where and when to look, and a repeat under the key gives the very same answer", async () => {
    const { token, photo } = await withPhoto();
    const json = { kind: "style", personImageId: photo.id, stylePreset: "ink" };
    const headers = { Prefer: "wait=1", "Idempotency-Key": "wait" };
    const create = () => apiWith(SILENT, "/api/conversions", { token, json, headers });
    const first = await create();
    const text = await first.text();
    const { id } = conversionSchema.parse(JSON.parse(text));
    expect([first.status, first.headers.get("retry-after")]).toEqual([202, "1"]);
    expect(first.headers.get("location")).toBe(`/api/conversions/${id}`);
    await runConversion((await workerStage(fakeGenerator())).deps, id);
    const again = await create();
    expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([202, "true"]);
    expect(await again.text()).toBe(text);
    expect(await (await api(`/api/conversions/${id}`, { token })).json()).toMatchObject({ status: "succeeded" });
  });
});

it("a signed url shows the picture up to its expiry, and is 403 from that second on", async () => {
  const { token } = await signUp();
  const image = imageSchema.parse(await uploadPerson(token));
  const expiresAt = Date.parse(image.urlExpiresAt);
  setClock(expiresAt - 1);
  for (const url of [image.url, image.thumbnailUrl, image.thumbnail256Url]) expect((await api(url)).status).toBe(200);
  setClock(expiresAt);
  for (const url of [image.url, image.thumbnailUrl, image.thumbnail256Url]) {
    const response = await api(url);
    expect([response.status, await response.json()]).toMatchObject([403, { code: "invalid_signature" }]);
  }
});

describe("a plan that changes while jobs are under way", () => {
  /** A user with one unit used and two reserved. */
  async function busy() {
    const { token, userId, photo } = await withPhoto();
    const stage = await workerStage(fakeGenerator());
    const create = () =>
      apiWith(SILENT, "/api/conversions", {
        token,
        json: { kind: "style", personImageId: photo.id, stylePreset: "ink" },
      });
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push(conversionSchema.parse(await (await create()).json()).id);
    await runConversion(stage.deps, ids[0] as string);
    const usage = async () => {
      const body = (await (await api("/api/users/me/usage", { token })).json()) as { conversions: object };
      return body.conversions;
    };
    const changePlan = async (units: number) => {
      const id = `plan-${crypto.randomUUID()}`;
      await db.insert(plans).values({ id, name: "Another", monthlyConversions: units });
      await db.update(users).set({ planId: id }).where(eq(users.id, userId));
    };
    return { token, stage, create, usage, changePlan, waiting: [ids[1] as string, ids[2] as string] as const };
  }

  it("for a smaller one leaves them their units, counts them in it, and lets no other in", async () => {
    const { token, stage, create, usage, changePlan, waiting } = await busy();
    await changePlan(2);
    expect(await usage()).toMatchObject({ limit: 2, used: 1, reserved: 2, remaining: 0 });
    expect((await create()).status).toBe(402);
    await runConversion(stage.deps, waiting[0]);
    expect(await usage()).toMatchObject({ limit: 2, used: 2, reserved: 1, remaining: 0 });
    await api(`/api/conversions/${waiting[1]}/cancel`, { method: "POST", token });
    expect(await usage()).toMatchObject({ limit: 2, used: 2, reserved: 0, remaining: 0 });
    expect((await create()).status).toBe(402);
  });

  it("for a larger one counts what was used and reserved, and gives the difference", async () => {
    const { stage, create, usage, changePlan, waiting } = await busy();
    await changePlan(4);
    expect(await usage()).toMatchObject({ limit: 4, used: 1, reserved: 2, remaining: 1 });
    for (const id of waiting) await runConversion(stage.deps, id);
    expect(await usage()).toMatchObject({ limit: 4, used: 3, reserved: 0, remaining: 1 });
    const statuses = await Promise.all(Array.from({ length: 5 }, async () => (await create()).status));
    expect(statuses.sort()).toEqual([202, 402, 402, 402, 402]);
    expect(await usage()).toMatchObject({ limit: 4, used: 3, reserved: 1, remaining: 0 });
  });
});
