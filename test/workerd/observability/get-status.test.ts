import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createApp } from "../../../src/app.ts";
import { statusSchema } from "../../../src/modules/observability/schemas.ts";
import { ImageProcessor } from "../../../src/workers/consumer/index.ts";
import { Hasher } from "../../../src/workers/hasher/index.ts";
import { conversionInput, createConditions, newConversion } from "../../factories.ts";
import { breakerObject, FAILURE, openByFailures, SUCCESS, trip } from "../support/breaker-object.ts";
import { api, apiRequest } from "../support/client.ts";
import { bindings, d1, insertImage, insertUser } from "../support/database.ts";
import { storedRows } from "../support/limiter-object.ts";

const app = createApp();

/** Another environment is another isolate: it has found nothing out yet. */
const environment = (overrides: object = {}) => ({ ...bindings, ...overrides });

async function ask(env: object): Promise<Response> {
  const context = createExecutionContext();
  const response = await app.fetch(apiRequest("/api/status"), env as TestEnv, context);
  await waitOnExecutionContext(context);
  return response;
}

async function statusOf(env: object = environment()) {
  const startedAt = performance.now();
  const response = await ask(env);
  const tookMs = performance.now() - startedAt;
  const text = await response.text();
  const body = statusSchema.parse(JSON.parse(text));
  const statuses = Object.fromEntries(Object.entries(body.checks).map(([name, { status }]) => [name, status]));
  return { code: response.status, headers: response.headers, text, tookMs, statuses, ...body };
}

const OK = {
  database: "ok",
  objects: "ok",
  queue: "ok",
  durableObjects: "ok",
  hasher: "ok",
  imageProcessor: "ok",
  sms: "ok",
};
const LOCAL_OK = { ...OK, "provider.local": "ok" };

const refuses = () => Promise.reject(new Error("secret: 10.0.0.7 refused"));
const hangs = () => new Promise<never>(() => {});

/** A database of which every statement ends in `work`. */
function database(work: () => Promise<unknown>) {
  const statement = { bind: () => statement, run: work, all: work, raw: work, first: work };
  return { prepare: () => statement, batch: work };
}
const hasher = (ping: () => Promise<unknown>) => ({ HASHER: { ping } });
const bucket = (head: () => Promise<unknown>) => ({ BUCKET: { head } });
const sessions = (list: () => Promise<unknown>) => ({ USER_SESSIONS: { getByName: () => ({ list }) } });
const limiter = (confirm: () => Promise<unknown>) => ({ RATE_LIMITER: { getByName: () => ({ confirm }) } });
const processor = (ping: () => Promise<unknown>) => ({ IMAGE_PROCESSOR: { ping } });
/** The Worker itself, with a variable that it can't do with: its own, for each Worker has its own. */
const badHasher = () => new Hasher(createExecutionContext(), { ...bindings, PASSWORD_PEPPER: "short" } as never);
const badConsumer = () => new ImageProcessor(createExecutionContext(), { ...bindings, PROVIDERS: "none" } as never);

beforeEach(() => {
  vi.spyOn(console, "log").mockImplementation(() => {});
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("GET /api/status", () => {
  it("is open to anyone, and finds everything well that is", async () => {
    const response = await api("/api/status");
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const { code, status, statuses, checks } = await statusOf();
    expect({ code, status, statuses }).toEqual({ code: 200, status: "ok", statuses: LOCAL_OK });
    expect(checks.queue.lagMs).toBe(0);
    for (const check of Object.values(checks)) expect(check.latencyMs).toBeGreaterThanOrEqual(0);
  });

  it("leaves no trace in what it asks", async () => {
    await statusOf();
    expect(await storedRows(bindings.RATE_LIMITER.getByName("status"))).toEqual({});
    expect(await storedRows(bindings.USER_SESSIONS.getByName("status") as never)).toEqual({});
  });

  it.each<[string, object, Partial<Record<string, string>>]>([
    ["the database", { DB: database(refuses) }, { database: "down", queue: "degraded" }],
    ["a database that hangs", { DB: database(hangs) }, { database: "down", queue: "degraded" }],
    ["the object store", bucket(refuses), { objects: "down" }],
    ["an object store that hangs", bucket(hangs), { objects: "down" }],
    ["the sessions", sessions(refuses), { durableObjects: "down" }],
    ["the limits", limiter(refuses), { durableObjects: "down" }],
    ["limits that hang", limiter(hangs), { durableObjects: "down" }],
    ["the hasher", hasher(refuses), { hasher: "down" }],
    ["a hasher that hangs", hasher(hangs), { hasher: "down" }],
    [
      "a hasher that throws at once",
      hasher(() => {
        throw new Error("secret");
      }),
      { hasher: "down" },
    ],
    ["a hasher that is not bound", { HASHER: undefined }, { hasher: "down" }],
    ["a hasher that is badly configured", hasher(async () => badHasher().ping()), { hasher: "down" }],
  ])("is 503 without %s, in less than two seconds, and says nothing of why", async (_what, overrides, changed) => {
    const { code, status, statuses, text, tookMs, headers } = await statusOf(environment(overrides));
    expect({ code, status, statuses }).toEqual({ code: 503, status: "down", statuses: { ...LOCAL_OK, ...changed } });
    expect(headers.get("retry-after")).toBe("10");
    expect(tookMs).toBeLessThan(2_000);
    expect(text).not.toMatch(/secret|10\.0\.0\.7|Error/);
  });

  it.each<[string, object, Partial<Record<string, string>>]>([
    ["the image processor", processor(refuses), { imageProcessor: "degraded", "provider.local": "degraded" }],
    ["an image processor that hangs", processor(hangs), { imageProcessor: "degraded", "provider.local": "degraded" }],
    [
      "a consumer that is badly configured",
      processor(async () => badConsumer().ping()),
      { imageProcessor: "degraded", "provider.local": "degraded" },
    ],
    ["a queue", { CONVERSION_QUEUE: undefined }, { queue: "degraded" }],
  ])("is 200 without %s: the rest goes on", async (_what, overrides, changed) => {
    const { code, status, statuses } = await statusOf(environment(overrides));
    expect({ code, status, statuses }).toEqual({
      code: 200,
      status: "degraded",
      statuses: { ...LOCAL_OK, ...changed },
    });
  });

  it("asks everything at once, each for no longer than its time", async () => {
    const slow = () => scheduler.wait(400) as Promise<unknown>;
    const inParallel = { ...hasher(slow), ...bucket(slow), ...sessions(async () => slow()), ...processor(slow) };
    expect((await statusOf(environment(inParallel))).tookMs).toBeLessThan(800);
    const dead = { DB: database(hangs), ...hasher(hangs), ...bucket(hangs), ...limiter(hangs), ...processor(hangs) };
    const { tookMs, checks, code } = await statusOf(environment(dead));
    expect(code).toBe(503);
    expect(tookMs).toBeLessThan(2_200);
    expect(checks.database.latencyMs).toBeGreaterThanOrEqual(1_400);
  });
});

describe("the queue", () => {
  async function queued(agoMs: number): Promise<() => Promise<unknown>> {
    const userId = await insertUser();
    const createdAt = Date.now() - agoMs;
    const conversion = newConversion(userId, conversionInput(await insertImage(userId)), {
      createdAt,
      deadlineAt: createdAt + 3_600_000,
    });
    const outcome = await d1.conversions.create(conversion, createConditions(createdAt, { period: "2026-11" }));
    expect(outcome.kind).toBe("created");
    return () => d1.conversions.cancel(userId, conversion.id, Date.now());
  }

  it("is degraded once a conversion has been due for more than a minute, and tells for how long", async () => {
    const cancel = await queued(50_000);
    const soon = await statusOf();
    expect(soon.statuses.queue).toBe("ok");
    expect(soon.checks.queue.lagMs).toBeGreaterThanOrEqual(40_000);
    await cancel();
    const cancelLate = await queued(90_000);
    const late = await statusOf();
    expect({ code: late.code, status: late.status, queue: late.statuses.queue }).toEqual({
      code: 200,
      status: "degraded",
      queue: "degraded",
    });
    expect(late.checks.queue.lagMs).toBeGreaterThan(60_000);
    await cancelLate();
    expect((await statusOf()).checks.queue).toMatchObject({ status: "ok", lagMs: 0 });
  });
});

describe("a provider", () => {
  const gemini = () => {
    const [style, tryon] = [`style-${crypto.randomUUID()}`, `tryon-${crypto.randomUUID()}`];
    const env = { PROVIDERS: "gemini,local", GEMINI_MODEL_STYLE: style, GEMINI_MODEL_TRYON: tryon };
    return { env, style: breakerObject(`gemini:${style}`), tryon: breakerObject(`gemini:${tryon}`) };
  };

  it("that is named is shown, whether or not the key is here, and is well while its circuits are closed", async () => {
    const { env, style } = gemini();
    await style.call(FAILURE);
    const { status, statuses } = await statusOf(environment({ ...env, PROVIDERS: "workers-ai,gemini,local" }));
    expect({ status, statuses }).toEqual({
      status: "ok",
      statuses: { ...LOCAL_OK, "provider.gemini": "ok", "provider.workers-ai": "ok" },
    });
  });

  it("with an open circuit is degraded with a 200, and tells why and until when", async () => {
    const { env, tryon } = gemini();
    await openByFailures(tryon);
    const { code, status, checks, statuses } = await statusOf(environment(env));
    expect({ code, status, statuses }).toEqual({
      code: 200,
      status: "degraded",
      statuses: { ...LOCAL_OK, "provider.gemini": "degraded" },
    });
    const check = checks["provider.gemini"];
    expect(check?.reason).toBe("failures");
    const waitMs = Date.parse(check?.retryAt ?? "") - Date.now();
    expect(waitMs).toBeGreaterThan(25_000);
    expect(waitMs).toBeLessThan(34_000);
  });

  it("of two models that are not called is as the one that waits longer", async () => {
    const { env, style, tryon } = gemini();
    await style.call(trip("rate_limited", 5_000));
    await tryon.call(trip("quota_day", 7_200_000));
    expect((await statusOf(environment(env))).checks["provider.gemini"]).toMatchObject({
      status: "degraded",
      reason: "quota_day",
    });
  });

  it("that is being tried again is degraded, and well once that has gone well", async () => {
    const { env, style } = gemini();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    await openByFailures(style);
    vi.setSystemTime(Date.now() + 40_000);
    const { checks } = await statusOf(environment(env));
    expect(checks["provider.gemini"]).toEqual({ status: "degraded", reason: "failures", latencyMs: 0 });
    await style.call(SUCCESS);
    await style.call(SUCCESS);
    expect((await statusOf(environment(env))).statuses["provider.gemini"]).toBe("ok");
  });

  it("held open by an admin is degraded for as long as he likes, and well when held closed", async () => {
    const { env, style, tryon } = gemini();
    await tryon.call(trip("quota_day", 7_200_000));
    await style.stub.force(style.circuit, "open");
    expect((await statusOf(environment(env))).checks["provider.gemini"]).toEqual({
      status: "degraded",
      reason: "forced",
      latencyMs: expect.any(Number),
    });
    await tryon.stub.force(tryon.circuit, "closed");
    await style.stub.force(style.circuit, "closed");
    expect((await statusOf(environment(env))).statuses["provider.gemini"]).toBe("ok");
  });

  it.each([
    ["refuses", refuses],
    ["hangs", hangs],
  ])("whose breaker %s is not assumed to be well", async (_what, state) => {
    const { code, checks } = await statusOf(
      environment({ ...gemini().env, CIRCUIT_BREAKER: { getByName: () => ({ state }) } }),
    );
    expect(code).toBe(200);
    expect(checks["provider.gemini"]).toEqual({ status: "degraded", latencyMs: expect.any(Number) });
  });
});

describe("rounds", () => {
  const counting = () => {
    let asked = 0;
    const ping = async () => {
      asked++;
      await scheduler.wait(100);
    };
    return { env: environment(hasher(ping)), asked: () => asked };
  };

  it("are shared by all who ask meanwhile, and hold for ten seconds", async () => {
    const { env, asked } = counting();
    const answers = await Promise.all(Array.from({ length: 20 }, () => statusOf(env)));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(asked()).toBe(1);
    const startedAt = Date.now();
    vi.useFakeTimers({ toFake: ["Date"], now: startedAt + 8_000 });
    await statusOf(env);
    expect(asked()).toBe(1);
    vi.setSystemTime(startedAt + 10_000);
    await statusOf(env);
    expect(asked()).toBe(2);
  });

  it("find a dependency that is back", async () => {
    let broken = true;
    const env = environment(hasher(() => (broken ? refuses() : Promise.resolve())));
    const now = Date.now();
    vi.useFakeTimers({ toFake: ["Date"], now });
    expect((await statusOf(env)).code).toBe(503);
    broken = false;
    vi.setSystemTime(now + 9_999);
    expect((await statusOf(env)).code).toBe(503);
    vi.setSystemTime(now + 10_000);
    expect((await statusOf(env)).code).toBe(200);
  });
});
