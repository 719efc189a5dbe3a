import { createExecutionContext, runInDurableObject, waitOnExecutionContext } from "cloudflare:test";
import { beforeEach, expect, inject, it } from "vitest";
import { users } from "../../../src/db/d1/schema/index.ts";
import { createSentryReporter, type SentryDeps } from "../../../src/providers/sentry/sentry-error-reporter.ts";
import { countingMetrics } from "../../support/counting-metrics.ts";
import { apiWith } from "../support/app.ts";
import { newPhone, signUp } from "../support/client.ts";
import { bindings, db, insertUser } from "../support/database.ts";

interface SentEvent {
  readonly transaction: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly exception: {
    readonly values: readonly {
      readonly type: string;
      readonly value: string;
      readonly stacktrace?: { readonly frames: readonly Readonly<Record<string, unknown>>[] };
    }[];
  };
}

interface Kept {
  readonly events: readonly SentEvent[];
  readonly requests: readonly { readonly body: string }[];
  readonly refusals: readonly string[];
  readonly followed: number;
}

const fake = inject("sentryFake");
const CONTEXT = { requestId: "req_01KBTEST", userId: "usr_01KBTEST", where: "/api/conversions/{id}" };
let metrics = countingMetrics();
let project = 0;

async function tell(path: string, body: unknown = {}): Promise<void> {
  const response = await fetch(`${fake.url}/__fake/${path}`, { method: "POST", body: JSON.stringify(body) });
  expect([response.status, await response.json()]).toEqual([200, {}]);
}

async function kept(): Promise<Kept> {
  return (await fetch(`${fake.url}/__fake/kept`)).json();
}

const dsn = () => fake.dsn.replace(/\d+$/, String(project));

/** A reporter as one invocation has it, and the end of that invocation. */
function invocation(deps: Partial<SentryDeps> = {}) {
  const context = createExecutionContext();
  const reporter = createSentryReporter(
    { dsn: dsn(), sampleRate: 1, release: "1.2.3", environment: "preview", worker: "consumer" },
    { background: (task) => context.waitUntil(task), metrics, ...deps },
  );
  return { reporter, done: () => waitOnExecutionContext(context) };
}

async function report(error: unknown, deps: Partial<SentryDeps> = {}): Promise<void> {
  const { reporter, done } = invocation(deps);
  reporter.report(error, CONTEXT);
  await done();
}

const outcomes = () => metrics.counts();

beforeEach(async () => {
  metrics = countingMetrics();
  // What an isolate remembers of a project is one test's.
  project += 1;
  await tell("reset");
});

it("an error arrives with its frames, the user as a hash, and nothing else that was in it", async () => {
  const phone = newPhone();
  await report(Object.assign(new TypeError(`no style for ${phone}`, { cause: new Error(phone) }), { phone }));
  const { events, requests, refusals } = await kept();
  expect(refusals).toEqual([]);
  expect(events).toMatchObject([
    {
      platform: "javascript",
      release: "ai-styler@1.2.3",
      environment: "preview",
      server_name: "consumer",
      transaction: CONTEXT.where,
      tags: { worker: "consumer", where: CONTEXT.where, requestId: CONTEXT.requestId },
      user: { id: "0b60c128d2f71901" },
      exception: { values: [{ type: "TypeError", value: "no style for [phone]" }] },
    },
  ]);
  expect(events[0]?.exception.values[0]?.stacktrace?.frames.at(-1)).toMatchObject({
    filename: expect.stringMatching(/sentry\.test\.ts$/),
    lineno: expect.any(Number),
    in_app: true,
  });
  expect(JSON.stringify(requests)).not.toContain(phone.slice(3));
  expect(outcomes()).toEqual({ "telemetry_items_total sentry sent": 1 });
});

it("a statement that D1 refuses arrives with D1's words, without the values bound to it", async () => {
  const id = await insertUser();
  const [user] = await db.select().from(users).limit(1);
  const phone = newPhone();
  const failed = await db
    .insert(users)
    .values({ ...(user as typeof users.$inferSelect), id, phone, name: "Sara" })
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  expect(String(failed)).toContain(phone);
  await report(failed);
  const { events, requests } = await kept();
  expect(events[0]?.exception.values[0]?.value).toContain("UNIQUE constraint failed: users.id");
  for (const secret of [phone.slice(3), "Sara", id]) expect(JSON.stringify(requests)).not.toContain(secret);
});

it("what nobody expected in a request of the api arrives, with the route's template and the ids it is found by", async () => {
  const { token, phone, userId } = await signUp();
  const DB = {
    prepare() {
      throw new Error(`no database for ${phone}`);
    },
  };
  const variables = { SENTRY_DSN: dsn(), ENVIRONMENT: "development", DB };
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const headers = { "X-Request-Id": "request-0001", traceparent };
  const response = await apiWith(variables, "/api/conversions?limit=3&sig=hunter2", { token, headers });
  expect(response.status).toBe(500);
  const { events, requests } = await kept();
  expect(events).toMatchObject([
    {
      environment: "development",
      server_name: "api",
      transaction: "/api/conversions",
      tags: { requestId: "request-0001", traceId: "0af7651916cd43dd8448eb211c80319c" },
      contexts: { trace: { trace_id: "0af7651916cd43dd8448eb211c80319c" } },
      user: { id: expect.stringMatching(/^[0-9a-f]{16}$/) },
    },
  ]);
  const raw = JSON.stringify(requests);
  for (const secret of [phone.slice(3), token, token.slice(-30), userId, "hunter2"]) expect(raw).not.toContain(secret);
});

it("while a rate limit lasts no invocation of the isolate asks", async () => {
  let nowMs = Date.now();
  const clock = { now: () => nowMs };
  await tell("script", ["limited"]);
  await report(new Error("lost"), { clock });
  nowMs += 59_999;
  await report(new Error("silent"), { clock });
  expect((await kept()).requests).toHaveLength(1);
  nowMs += 1;
  await report(new Error("told"), { clock });
  expect((await kept()).events.map((event) => event.exception.values[0]?.value)).toEqual(["told"]);
  expect(outcomes()).toEqual({ "telemetry_items_total sentry sent": 1, "telemetry_items_total sentry dropped": 2 });
});

it("a redirect is not followed", async () => {
  await tell("script", ["redirect"]);
  await report(new Error("x"));
  expect(await kept()).toMatchObject({ events: [], followed: 0 });
  expect(outcomes()).toEqual({ "telemetry_items_total sentry dropped": 1 });
});

it("a Sentry that hangs is given up in time", async () => {
  await tell("script", ["hang"]);
  const started = Date.now();
  await report(new Error("x"), { timeoutMs: 100 });
  expect(Date.now() - started).toBeLessThan(3_000);
  expect(outcomes()).toEqual({ "telemetry_items_total sentry dropped": 1 });
});

it("a report that hangs in one invocation holds up none in another", async () => {
  await tell("script", ["hang", "ok"]);
  const object = bindings.METRICS_SHARD.getByName("another invocation");
  let inOther: () => Promise<void> = async () => {};
  // In the object's own context: what it waits for, nobody else can.
  await runInDurableObject(object, () => {
    const { reporter, done } = invocation({ timeoutMs: 500 });
    inOther = done;
    reporter.report(new Error("hangs"), CONTEXT);
  });
  await report(new Error("told"));
  expect((await kept()).events.map((event) => event.exception.values[0]?.value)).toEqual(["told"]);
  await runInDurableObject(object, () => inOther());
  expect(outcomes()).toEqual({ "telemetry_items_total sentry sent": 1, "telemetry_items_total sentry dropped": 1 });
});

it("a SENTRY_DSN that is none stops requests, and does not go unnoticed", async () => {
  const bad = await apiWith({ SENTRY_DSN: "https://sentry.io/42" }, "/api/styles");
  expect(bad.status).toBe(503);
  expect((await apiWith({ SENTRY_DSN: dsn() }, "/api/styles")).status).toBe(200);
});
