import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FIND_PROMETHEUS_MS, prometheusForTests, prometheusOrSkip } from "../../scripts/prometheus/for-tests.ts";
import { ALERTS_FILE, fillIn, queriesOf, readAlertRules, readDashboards } from "../../scripts/prometheus/ops-files.ts";
import { runPromtool } from "../../scripts/prometheus/promtool.ts";
import { type GeminiFake, startGeminiFake } from "../../src/providers/gemini/fake.ts";
import { type LokiFake, startLokiFake } from "../../src/providers/loki/fake.ts";
import { parseExposition, type Sample } from "../support/exposition-parser.ts";
import { type RunningPrometheus, startPrometheus } from "./support/prometheus.ts";
import { startTestStack, type TestStack } from "./support/stack.ts";
import { Traffic } from "./support/traffic.ts";

const TOKEN = "a-token-for-prometheus-alone";
const KEY = "fake-key-that-nobody-may-read";
/** What is counted is told after an isolate's window; what a tail counts, a little later. */
const SOON = { timeout: 15_000, interval: 250 };
const TRAFFIC_MS = 120_000;
const SCRAPES = 3;
const VARIABLES = { __rate_interval: "5m", __range: "5m" };

/** Panels that are empty while all is well, by dashboard and title. */
const EMPTY_WHEN_WELL: Readonly<Record<string, string>> = {
  "system: Cut off": "no invocation was cut off",
  "system: Dropped samples": "no sample was dropped",
  "api: Errors by route": "no request was answered with 5xx",
  "database: Errors": "no round trip failed",
  "conversions: Dead letters": "no message was given up",
};

describe("the metrics", () => {
  let gemini: GeminiFake;
  let loki: LokiFake;
  let stack: TestStack;
  let traffic: Traffic;
  let isSick = false;

  beforeAll(async () => {
    const rule = () => (isSick ? ("unavailable" as const) : undefined);
    [gemini, loki] = await Promise.all([startGeminiFake({ apiKey: KEY, rule }), startLokiFake()]);
    stack = await startTestStack({
      METRICS_TOKEN: TOKEN,
      METRICS_WINDOW: "200ms",
      GEMINI_API_KEY: KEY,
      GEMINI_BASE_URL: gemini.url,
      PROVIDER_DAILY_BUDGET: "50",
      CIRCUIT_BACKOFF: "1s",
      MAX_CONCURRENT_CONVERSIONS: "20",
      FREE_MONTHLY_CONVERSIONS: "100",
      LOKI_URL: loki.url,
    });
    traffic = new Traffic(stack, gemini, (to) => {
      isSick = to;
    });
    await traffic.run();
  }, 2 * TRAFFIC_MS);

  afterAll(async () => {
    await stack?.close();
    await Promise.all([gemini?.close(), loki?.close()]);
  });

  const ask = (headers: Readonly<Record<string, string>>) => fetch(`${stack.url}/api/metrics`, { headers });
  const scrape = () => ask({ Authorization: `Bearer ${TOKEN}` });

  /** The sum of all series of a name with these labels. */
  async function total(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const isMeant = (found: Sample) =>
      found.name === name &&
      Object.entries(labels).every(([label, value]) => found.labels.some(([l, v]) => l === label && v === value));
    const families = parseExposition(await (await scrape()).text());
    const samples = families.flatMap((family) => family.samples);
    return samples.filter(isMeant).reduce((sum, { value }) => sum + value, 0);
  }

  it.each<[string, Readonly<Record<string, string>>]>([
    ["no token", {}],
    ["another token", { Authorization: `Bearer ${TOKEN.slice(1)}x` }],
    ["the token as a password", { Authorization: `Basic ${btoa(`:${TOKEN}`)}` }],
  ])("are not told to who has %s", async (_, headers) => {
    const response = await ask(headers);
    expect([response.status, response.headers.get("content-type")]).toEqual([401, "application/problem+json"]);
    expect(await response.json()).toMatchObject({ status: 401, code: "unauthenticated" });
  });

  it("are text that nobody keeps, without a fault for promtool", { timeout: FIND_PROMETHEUS_MS }, async (test) => {
    const response = await scrape();
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(response.headers.get("cache-control")).toBe("no-store");
    const text = await response.text();
    const { promtool } = await prometheusOrSkip(test);
    expect(await runPromtool(promtool, ["check", "metrics"], text)).toEqual({ code: 0, output: "" });
  });

  it("have everything that was done, and each thing once", async () => {
    const { uploads, wrongLogins, registrations, styles, tryons } = traffic.done;
    const uploaded = { method: "POST", route: "/api/images", status: "201" };
    await expect.poll(() => total("http_requests_total", uploaded), SOON).toBe(uploads);
    const logins = { method: "POST", route: "/api/auth/login" };
    await expect.poll(() => total("http_request_duration_seconds_count", logins), SOON).toBe(wrongLogins);
    expect(await total("user_registrations_total")).toBe(registrations);
    expect(await total("conversions_created_total", { kind: "style" })).toBe(styles);
    expect(await total("conversions_total")).toBe(styles + tryons);
    await expect.poll(() => total("conversion_duration_seconds_count", { kind: "tryon" }), SOON).toBe(tryons);
  });

  describe("in Prometheus", () => {
    const queries = queriesOf(readDashboards(), "prometheus");
    let prometheus: RunningPrometheus | null = null;

    /** For tests of what is only there when Prometheus is. */
    async function running(test: { skip(note: string): never }): Promise<RunningPrometheus> {
      await prometheusOrSkip(test);
      if (prometheus === null) throw new Error("Prometheus does not run");
      return prometheus;
    }

    beforeAll(async () => {
      const { binaries } = await prometheusForTests();
      if (binaries === null) return;
      prometheus = await startPrometheus({
        program: binaries.prometheus,
        target: stack.url,
        token: TOKEN,
        rulesFile: ALERTS_FILE,
      });
      await prometheus.scrapes(SCRAPES);
      await traffic.run();
      await prometheus.scrapes(SCRAPES);
    }, TRAFFIC_MS + FIND_PROMETHEUS_MS);

    afterAll(() => prometheus?.close());

    it.for(queries.map((query) => [query.dashboard, query.panel.title, query.panel.type, query.target] as const))(
      "%s: %s has data for its %s",
      async ([dashboard, title, , { expr = "" }], test) => {
        const { instance, query } = await running(test);
        const samples = await query(fillIn(expr, { ...VARIABLES, instance }));
        const numbers = samples.filter(({ value }) => Number.isFinite(value));
        if (`${dashboard}: ${title}` in EMPTY_WHEN_WELL) expect(numbers.filter(({ value }) => value > 0)).toEqual([]);
        else expect(numbers.length, expr).toBeGreaterThan(0);
      },
    );

    it("every alert is evaluated, and none fires while all is well", async (test) => {
      const { rules } = await running(test);
      await expect.poll(async () => (await rules()).map(({ health }) => health), SOON).not.toContain("unknown");
      const loaded = (await rules()).map(({ name, health, state, lastError }) => ({ name, health, state, lastError }));
      expect(loaded.map(({ name }) => name).sort()).toEqual(
        readAlertRules()
          .map(({ alert }) => alert)
          .sort(),
      );
      expect(loaded.filter(({ health, state }) => health !== "ok" || state === "firing")).toEqual([]);
    });
  });
});
