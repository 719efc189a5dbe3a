import { beforeAll, describe, expect, it } from "vitest";
import { createD1ProviderCalls } from "../../../src/db/d1/repositories/provider-calls.ts";
import { dayOf } from "../../../src/kernel/clock.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { costListSchema, providerCallListSchema } from "../../../src/modules/admin/schemas.ts";
import type { NewProviderCall } from "../../../src/modules/conversions/provider-calls.ts";
import { conversionInput, createConditions, newConversion } from "../../factories.ts";
import { refused, signUpAdmin } from "../admin/support.ts";
import { apiWith, issuePaths } from "../support/app.ts";
import { api, type SignedUp } from "../support/client.ts";
import { d1, db, insertImage, insertUser } from "../support/database.ts";

const DAY_MS = 24 * 60 * 60_000;
const calls = createD1ProviderCalls(db);
const now = Date.now();
const today = dayOf(now);
const ago = (days: number) => dayOf(now - days * DAY_MS);

let admin: SignedUp;

async function begin(startedAt: number, change: Partial<NewProviderCall> = {}): Promise<NewProviderCall> {
  const made: NewProviderCall = {
    id: newId("pcl", startedAt),
    conversionId: newId("cnv", startedAt),
    attempt: 1,
    provider: "gemini",
    model: "m1",
    expectedMicros: 80_000,
    budgetMicros: null,
    startedAt,
    ...change,
  };
  expect(await calls.begin(made)).toBe("begun");
  return made;
}

async function succeed({ id, startedAt }: NewProviderCall, costMicros: number, tookMs: number): Promise<void> {
  const usage = { promptTokens: 600, outputTokens: 1_200, costMicros };
  await calls.settle(id, { outcome: "success", usage, free: false, endedAt: startedAt + tookMs });
}

beforeAll(async () => {
  admin = await signUpAdmin();
  await succeed(await begin(now), 67_555, 4_000);
  const failed = await begin(now);
  await calls.settle(failed.id, { outcome: "unavailable", usage: null, free: true, endedAt: now + 1_001 });
  await begin(now, { model: "m2" });
  await succeed(await begin(now - 29 * DAY_MS, { provider: "workers-ai", model: "flux" }), 15_000, 2_000);
  await succeed(await begin(now - 30 * DAY_MS), 1, 1);
});

const costs = (query = "", env: object = {}) => apiWith(env, `/api/admin/costs${query}`, { token: admin.token });

async function report(query = "", env: object = {}) {
  const response = await costs(query, env);
  expect(response.status).toBe(200);
  // Strict: nothing is told that the document doesn't name.
  const body: unknown = await response.json();
  const parsed = costListSchema.parse(body);
  expect(body).toEqual(parsed);
  return parsed;
}

const usd = (amountMicros: number, amountMinor: number) => ({ amountMinor, amountMicros, currency: "USD" });

describe("the cost summary", () => {
  it("tells of the last 30 days by day and model, with what is under way, and what of the budget is spent", async () => {
    const { items, total, budget } = await report("", { PROVIDER_DAILY_BUDGET: "2.5" });
    const none = { succeeded: 0, failed: 0, promptTokens: 0, outputTokens: 0, averageMs: null };
    expect(items.slice(0, 2).sort((a, b) => a.model.localeCompare(b.model))).toEqual([
      {
        day: today,
        provider: "gemini",
        model: "m1",
        calls: 2,
        succeeded: 1,
        failed: 1,
        promptTokens: 600,
        outputTokens: 1_200,
        averageMs: 2_501,
        cost: usd(67_555, 7),
        reserved: usd(0, 0),
      },
      {
        day: today,
        provider: "gemini",
        model: "m2",
        calls: 1,
        ...none,
        cost: usd(80_000, 8),
        reserved: usd(80_000, 8),
      },
    ]);
    expect(items.slice(2)).toMatchObject([{ day: ago(29), provider: "workers-ai", cost: usd(15_000, 2) }]);
    expect(total).toEqual(usd(162_555, 16));
    expect(budget).toEqual({ dailyMicros: 2_500_000, spentTodayMicros: 147_555 });
  });

  it("takes any range of at most 92 days, both ends included", async () => {
    expect((await report(`?from=${ago(30)}`)).total).toEqual(usd(162_556, 16));
    const past = await report(`?from=${ago(30)}&to=${ago(29)}`);
    expect(past.items.map(({ day }) => day)).toEqual([ago(29), ago(30)]);
    expect(past.budget).toEqual({ dailyMicros: null, spentTodayMicros: 147_555 });
    expect((await report(`?to=${ago(1)}`)).items.map(({ day }) => day)).toEqual([ago(29), ago(30)]);
    expect(await report("?from=2020-01-01&to=2020-04-01")).toMatchObject({ items: [], total: usd(0, 0) });
  });

  it.each([
    ["more than 92 days", "?from=2020-01-01&to=2020-04-02", ["from"]],
    ["more than 92 days up to today", "?from=2020-01-01", ["from"]],
    ["an end before the beginning", "?from=2026-02-02&to=2026-02-01", ["to"]],
    ["a day there is not", "?from=2026-02-30", ["from"]],
    ["a time", "?to=2026-02-01T00:00:00Z", ["to"]],
    ["words", "?from=yesterday&to=", ["from", "to"]],
  ])("refuses %s with 422", async (_what, query, paths) => {
    const response = await costs(query);
    expect(response.status).toBe(422);
    expect(await issuePaths(response)).toEqual(paths);
  });
});

describe("the calls of a conversion", () => {
  const ofConversion = (id: string) => api(`/api/admin/conversions/${id}/calls`, { token: admin.token });

  it("are shown in their order with outcome, tokens and cost", async () => {
    const conversionId = newId("cnv", now);
    const first = await begin(now, { conversionId });
    await calls.settle(first.id, { outcome: "unavailable", usage: null, free: true, endedAt: now + 50 });
    await succeed(await begin(now + 1, { conversionId, attempt: 2 }), 67_200, 900);
    await begin(now + 2, { conversionId, attempt: 3 });
    const response = await ofConversion(conversionId);
    expect(response.status).toBe(200);
    const { items } = providerCallListSchema.parse(await response.json());
    expect(items).toMatchObject([
      { attempt: 1, outcome: "unavailable", promptTokens: null, cost: usd(0, 0) },
      {
        attempt: 2,
        provider: "gemini",
        model: "m1",
        outcome: "success",
        promptTokens: 600,
        outputTokens: 1_200,
        cost: usd(67_200, 7),
        startedAt: new Date(now + 1).toISOString(),
        endedAt: new Date(now + 901).toISOString(),
      },
      { attempt: 3, outcome: "pending", cost: usd(80_000, 8), endedAt: null },
    ]);
  });

  it("are none for a conversion that made none, and 404 for one there never was", async () => {
    const userId = await insertUser();
    const conversion = newConversion(userId, conversionInput(await insertImage(userId)));
    await d1.conversions.create(conversion, createConditions(conversion.createdAt));
    expect(await (await ofConversion(conversion.id)).json()).toEqual({ items: [], nextCursor: null });
    await d1.conversions.remove(userId, conversion.id, Date.now());
    expect((await ofConversion(conversion.id)).status).toBe(200);
    expect(await refused(ofConversion("cnv_none"), 404)).toBe("conversion_not_found");
  });
});
