import { describe, expect, it } from "vitest";
import type { MetricsBatch } from "../../../durable-objects/metrics-shard/contract.ts";
import { METRICS } from "../../../src/kernel/metric-registry.ts";
import { parseExposition } from "../../support/exposition-parser.ts";
import { apiWith, problemOf } from "../support/app.ts";
import { type ApiOptions, api, newPhone, signUp } from "../support/client.ts";
import { bindings } from "../support/database.ts";

const TOKEN = "a-token-for-prometheus-alone";

async function scrape(overrides: object = {}, options: ApiOptions = {}): Promise<string> {
  const response = await apiWith(overrides, "/api/metrics", options);
  expect(response.status).toBe(200);
  expect(response.headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(response.headers.get("Cache-Control")).toBe("no-store");
  return response.text();
}

/** The sum over all series of a metric that have these labels. */
function sumOf(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  return parseExposition(text)
    .flatMap(({ samples }) => samples)
    .filter((sample) => sample.name === name)
    .filter((sample) => {
      const of = Object.fromEntries(sample.labels);
      return Object.entries(labels).every(([label, value]) => of[label] === value);
    })
    .reduce((sum, { value }) => sum + value, 0);
}

/** What a series has grown by once that is seen, or after a few seconds. */
async function grown(before: string, name: string, labels: Readonly<Record<string, string>>, expected: number) {
  for (let round = 0; ; round++) {
    const by = sumOf(await scrape(), name, labels) - sumOf(before, name, labels);
    if (by >= expected || round === 40) return by;
    await scheduler.wait(100);
  }
}

describe("GET /api/metrics", () => {
  it("tells every metric there is, in Prometheus' format", async () => {
    const families = parseExposition(await scrape());
    expect(families.map(({ name }) => name)).toEqual(Object.keys(METRICS));
  });

  it("counts each request by its route's template, the unknown ones as /*", async () => {
    const before = await scrape();
    await api("/api/health");
    for (const id of ["img_1", "img_2", "09121234567"]) await api(`/api/images/${id}`);
    await api("/api/nothing/here?phone=09121234567");
    const get = { method: "GET" };
    expect(await grown(before, "http_requests_total", { ...get, route: "/api/health", status: "200" }, 1)).toBe(1);
    expect(await grown(before, "http_requests_total", { ...get, route: "/api/images/{id}", status: "401" }, 3)).toBe(3);
    expect(await grown(before, "http_requests_total", { ...get, route: "/*", status: "404" }, 1)).toBe(1);
    const after = await scrape();
    expect(after).not.toContain("09121234567");
    expect(sumOf(after, "http_request_duration_seconds_count", { route: "/api/images/{id}" })).toBeGreaterThanOrEqual(
      3,
    );
  });

  it("counts what a sign-up does: statements, limits, a hash, and one registration", async () => {
    const before = await scrape();
    await signUp();
    expect(await grown(before, "user_registrations_total", {}, 1)).toBe(1);
    expect(await grown(before, "password_hash_duration_seconds_count", { operation: "hash", outcome: "ok" }, 1)).toBe(
      1,
    );
    expect(await grown(before, "database_queries_total", { operation: "insert", table: "users" }, 1)).toBe(1);
    expect(
      await grown(before, "rate_limit_decisions_total", { policy: "otp-phone", decision: "allowed" }, 0),
    ).toBeGreaterThanOrEqual(0);
    expect(await grown(before, "rate_limit_decisions_total", { decision: "allowed" }, 4)).toBeGreaterThanOrEqual(4);
    expect(await grown(before, "sms_messages_total", { outcome: "sent" }, 1)).toBe(1);
  });

  it("counts what a limit denies", async () => {
    const before = await scrape();
    const headers = { "CF-Connecting-IP": "203.0.113.77" };
    const limited = { RATE_LIMIT_OTP_PER_IP: "1" };
    for (let i = 0; i < 3; i++) {
      await apiWith(limited, "/api/auth/send-otp", { json: { phone: newPhone(), purpose: "register" }, headers });
    }
    expect(await grown(before, "rate_limit_decisions_total", { decision: "denied" }, 2)).toBe(2);
  });

  it("in production asks for its token, and lets nobody in without one that is set", async () => {
    const production = { ENVIRONMENT: "production", METRICS_TOKEN: TOKEN };
    for (const token of [undefined, "wrong", `${TOKEN}x`, TOKEN.slice(1), ""]) {
      const response = await apiWith(production, "/api/metrics", token === undefined ? {} : { token });
      expect(response.status).toBe(401);
      expect(response.headers.get("WWW-Authenticate")).toBe("Bearer");
      expect(await problemOf(response)).toMatchObject({ code: "unauthenticated" });
    }
    expect(await scrape(production, { token: TOKEN })).toContain("http_requests_total");
    for (const token of ["", "undefined", "null"]) {
      const open = await apiWith({ ENVIRONMENT: "production" }, "/api/metrics", { token });
      expect(open.status).toBe(401);
    }
  });

  it("asks for a token in development, too, where one is set", async () => {
    expect((await apiWith({ METRICS_TOKEN: TOKEN }, "/api/metrics")).status).toBe(401);
    expect((await scrape({ METRICS_TOKEN: TOKEN }, { token: TOKEN })).length).toBeGreaterThan(1_000);
  });

  it.each([
    ["hangs", () => new Promise<never>(() => {})],
    ["fails", () => Promise.reject(new Error("gone"))],
  ])("leaves out a shard that %s, says so, and tells all the rest in time", async (_what, read) => {
    const shard = (name: string) => bindings.METRICS_SHARD.getByName(name);
    const apply = (batch: MetricsBatch) => shard("shard-1").apply(batch);
    const broken = { getByName: (name: string) => (name === "shard-1" ? { read, apply } : shard(name)) };
    const startedAt = performance.now();
    const text = await scrape({ METRICS_SHARD: broken });
    expect(performance.now() - startedAt).toBeLessThan(9_000);
    expect(sumOf(text, "metrics_shard_up", { shard: "1" })).toBe(0);
    expect(sumOf(text, "metrics_shard_up")).toBe(3);
    expect(sumOf(text, "metrics_source_up", { source: "database" })).toBe(1);
    expect(text).not.toMatch(/^http_requests_total.*shard="1"/m);
  });

  it("without a database tells what the shards hold, and that the rest is missing", async () => {
    const refuses = () => Promise.reject(new Error("D1_ERROR: secret 10.0.0.7"));
    const statement = { bind: () => statement, run: refuses, all: refuses, raw: refuses, first: refuses };
    const text = await scrape({ DB: { prepare: () => statement, batch: refuses } });
    expect(sumOf(text, "metrics_source_up", { source: "database" })).toBe(0);
    expect(text).not.toMatch(/^user_registrations_total /m);
    expect(sumOf(text, "http_requests_total")).toBeGreaterThan(0);
    expect(text).not.toContain("10.0.0.7");
  });

  it("tells how many migrations the database lacks", async () => {
    expect(sumOf(await scrape(), "database_migrations_missing")).toBe(0);
  });
});
