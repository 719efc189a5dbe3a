import { beforeAll, describe, expect, it } from "vitest";
import { createD1QuotaRepository } from "../../../src/db/d1/repositories/quota.ts";
import { quotaGrants } from "../../../src/db/d1/schema/index.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { quotaGrantSchema } from "../../../src/modules/admin/schemas.ts";
import { auditEvent } from "../../factories.ts";
import { apiWith, issuePaths } from "../support/app.ts";
import { api, type SignedUp, signUp } from "../support/client.ts";
import { bindings, db } from "../support/database.ts";
import { uploadPerson, usageOf } from "../support/pictures.ts";
import { pathOf, signUpAdmin } from "./support.ts";

const PLAN = 10;
/** Nothing runs, so nothing is released; and any number may wait. */
const IDLE = { MAX_CONCURRENT_CONVERSIONS: "1000", CONVERSION_QUEUE: { send: async () => {} } };

let admin: SignedUp;

beforeAll(async () => {
  admin = await signUpAdmin();
});

const grant = (user: { readonly userId: string }, json: unknown) =>
  api(pathOf(user, "/quota-grants"), { token: admin.token, json });

async function createAll(user: SignedUp, count: number): Promise<number[]> {
  const { id: personImageId } = await uploadPerson(user.token);
  const json = { kind: "style", personImageId, stylePreset: "sketch" };
  const env = { ...bindings, ...IDLE };
  const answers = Array.from({ length: count }, () => apiWith(env, "/api/conversions", { token: user.token, json }));
  return (await Promise.all(answers)).map(({ status }) => status);
}

describe("POST quota-grants", () => {
  it("adds to this month's units, and answers with the grant", async () => {
    const user = await signUp();
    const response = await grant(user, { units: 4, reason: "  For the fair  " });
    expect(response.status).toBe(201);
    const body = quotaGrantSchema.parse(await response.json());
    expect(body).toMatchObject({ units: 4, reason: "For the fair", id: expect.stringMatching(/^grt_[0-9A-Z]{26}$/) });
    expect(body.period).toBe(body.createdAt.slice(0, 7));
    expect(await usageOf(user.token)).toMatchObject({ limit: PLAN + 4, used: 0, reserved: 0, remaining: PLAN + 4 });
    expect(await (await grant(user, { units: 1 })).json()).toMatchObject({ units: 1, reason: null });
    expect(await usageOf(user.token)).toMatchObject({ limit: PLAN + 5 });
    expect(await usageOf((await signUp()).token)).toMatchObject({ limit: PLAN });
  });

  it("of parallel grants loses none", async () => {
    const user = await signUp();
    await Promise.all(Array.from({ length: 20 }, () => grant(user, { units: 1_000_000 })));
    expect(await usageOf(user.token)).toMatchObject({ limit: PLAN + 20_000_000 });
  });

  it.each([
    ["no units", {}, ["units"]],
    ["zero units", { units: 0 }, ["units"]],
    ["negative units", { units: -1 }, ["units"]],
    ["half a unit", { units: 1.5 }, ["units"]],
    ["too many units", { units: 1_000_001 }, ["units"]],
    ["units as text", { units: "5" }, ["units"]],
    ["a long reason", { units: 1, reason: "x".repeat(201) }, ["reason"]],
    ["an empty reason", { units: 1, reason: " " }, ["reason"]],
    ["a control character", { units: 1, reason: "a\u0000" }, ["reason"]],
    ["an unknown field", { units: 1, period: "2030-01" }, ["period"]],
  ])("refuses %s with 422", async (_what, json, paths) => {
    const user = await signUp();
    const response = await grant(user, json);
    expect(response.status).toBe(422);
    expect(await issuePaths(response)).toEqual(paths);
    expect(await usageOf(user.token)).toMatchObject({ limit: PLAN });
  });

  it("takes a reason of 200 characters", async () => {
    expect((await grant(await signUp(), { units: 1, reason: "ب".repeat(200) })).status).toBe(201);
  });
});

describe("the limit of plan and grants", () => {
  it("is never exceeded by parallel creates, and reached to the unit", async () => {
    const user = await signUp();
    await grant(user, { units: 3 });
    await grant(user, { units: 2 });
    const statuses = await createAll(user, 50);
    expect(statuses.filter((status) => status === 202)).toHaveLength(PLAN + 5);
    expect(statuses.filter((status) => status === 402)).toHaveLength(45 - PLAN);
    expect(await usageOf(user.token)).toMatchObject({ limit: PLAN + 5, reserved: PLAN + 5, remaining: 0 });
    await grant(user, { units: 1 });
    expect((await createAll(user, 3)).sort()).toEqual([202, 402, 402]);
  });

  it("has nothing of another month's grants", async () => {
    const user = await signUp();
    const id = newId("grt", Date.now());
    const row = { id, userId: user.userId, units: 100, grantedBy: admin.userId, createdAt: Date.now() };
    await db.insert(quotaGrants).values({ ...row, period: "2020-01" });
    expect(await usageOf(user.token)).toMatchObject({ limit: PLAN });
    const statuses = await createAll(user, PLAN + 2);
    expect(statuses.filter((status) => status === 202)).toHaveLength(PLAN);
  });

  it("grows by no grant to nobody, or by nobody", async () => {
    const quota = createD1QuotaRepository(db);
    const user = await signUp();
    const base = { period: "2026-11", units: 1, reason: null, createdAt: Date.now() };
    const make = (userId: string, adminId: string) =>
      quota.grant({
        ...base,
        id: newId("grt", Date.now()),
        userId,
        adminId,
        event: auditEvent({ subject: { userId } }),
      });
    expect(await make("usr_nobody", admin.userId)).toBe(false);
    expect(await make(user.userId, user.userId)).toBe(false);
    expect(await quota.usage(user.userId, "2026-11")).toMatchObject({ granted: 0 });
    expect(await make(user.userId, admin.userId)).toBe(true);
    expect(await quota.usage(user.userId, "2026-11")).toMatchObject({ granted: 1 });
  });
});
