import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ApiClient, newPhone } from "../../scripts/api-client.ts";
import { type GeminiFake, startGeminiFake } from "../../src/providers/gemini/fake.ts";
import { type LokiFake, startLokiFake } from "../../src/providers/loki/fake.ts";
import { type OtlpFake, type OtlpSpan, startOtlpFake } from "../../src/providers/otlp/fake.ts";
import { sample, startTestStack, type TestStack } from "./support/stack.ts";
import { watch, watchText } from "./support/watched.ts";

const KEY = "fake-key-that-nobody-may-read";
const REQUEST_ID = "one-request-among-many";
const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const CALLER_SPAN = "b7ad6b7169203331";
const SOON = { timeout: 30_000, interval: 250 };
/** Words that a user writes about the picture. */
const WISH = "a zeppelin over the barnacle sea";

type Line = Readonly<Record<string, unknown>>;

/** The events of the log, as they are printed. */
function eventsOf(lines: readonly string[]): Line[] {
  return lines.flatMap((line) => {
    const text = line.slice(line.indexOf(" ") + 1);
    return text.startsWith("{") ? [JSON.parse(text) as Line] : [];
  });
}

describe("one conversion, from the request to the provider", () => {
  let gemini: GeminiFake;
  let loki: LokiFake;
  let otlp: OtlpFake;
  let stack: TestStack;
  let conversionId: string;

  beforeAll(async () => {
    // The first call fails, so that there is a second attempt, too.
    let calls = 0;
    [gemini, loki, otlp] = await Promise.all([
      startGeminiFake({ apiKey: KEY, rule: () => (calls++ === 0 ? "unavailable" : undefined) }),
      startLokiFake(),
      startOtlpFake(),
    ]);
    watchText(() => loki.lines.map(({ line, metadata }) => `${line} ${JSON.stringify(metadata)}`));
    watchText(() => otlp.spans.map((span) => JSON.stringify(span)));
    watch.addSecret(WISH);
    stack = await startTestStack({
      LOG_FORMAT: "json",
      LOG_LEVEL: "debug",
      METRICS_WINDOW: "200ms",
      GEMINI_API_KEY: KEY,
      GEMINI_BASE_URL: gemini.url,
      LOKI_URL: loki.url,
      OTLP_ENDPOINT: otlp.url,
    });
    const client = new ApiClient(stack.url);
    const { accessToken } = await client.signUp(newPhone());
    const { id: personImageId } = await client.upload(sample("person-astronaut.png"), "person");
    const traced = new ApiClient(stack.url, accessToken, {
      "X-Request-Id": REQUEST_ID,
      traceparent: `00-${TRACE_ID}-${CALLER_SPAN}-01`,
    });
    const created = await traced.convert({ kind: "style", personImageId, stylePreset: "oil", prompt: WISH });
    conversionId = created.id;
    expect((await client.waitFor(conversionId, 60_000)).status).toBe("succeeded");
  });

  afterAll(async () => {
    await stack?.close();
    await Promise.all([gemini, loki, otlp].map((fake) => fake?.close()));
  });

  it("its id finds the lines of the request, of every delivery and of every call of the provider, in one trace", async () => {
    await vi.waitFor(() => {
      const mine = eventsOf(stack.lines).filter((line) => line.conversionId === conversionId);
      const work = mine.filter(({ requestId }) => requestId === REQUEST_ID);
      const named = (msg: string) => work.filter((line) => line.msg === msg);
      expect(named("request")).toMatchObject([
        { service: "api", method: "POST", route: "/api/conversions", status: 202 },
      ]);
      expect(named("message")).toMatchObject([
        { service: "consumer", outcome: "again", attempt: 1 },
        { service: "consumer", outcome: "succeeded", attempt: 2, provider: "gemini" },
      ]);
      expect(named("provider call")).toMatchObject([
        { service: "consumer", provider: "gemini", outcome: "unavailable" },
        { service: "consumer", provider: "gemini", outcome: "success" },
      ]);
      expect(new Set(work.map(({ traceId }) => traceId))).toEqual(new Set([TRACE_ID]));
    }, SOON);
  });

  it("its spans hang together: caller, request, deliveries, calls", async () => {
    await vi.waitFor(() => {
      const spans = otlp.spans.filter(({ traceId }) => traceId === TRACE_ID);
      const [request] = spans.filter(({ name }) => name === "POST /api/conversions");
      expect(request?.parentSpanId).toBe(CALLER_SPAN);
      const deliveries = spans.filter(({ parentSpanId }) => parentSpanId === request?.spanId);
      expect(deliveries.map(({ name }) => name)).toEqual(Array(2).fill("process ai-styler-conversions"));
      const calls = spans.filter(({ name }) => name === "call gemini");
      const parents = (of: readonly OtlpSpan[]) => of.map(({ parentSpanId }) => parentSpanId).sort();
      expect(parents(calls)).toEqual(deliveries.map(({ spanId }) => spanId).sort());
      expect(spans.length).toBe(5);
    }, SOON);
  });

  it("Loki has the same lines, found by the id as structured metadata", async () => {
    await vi.waitFor(() => {
      const found = loki.lines.filter(({ metadata }) => metadata.conversionId === conversionId);
      const traces = found.filter(({ metadata }) => metadata.traceId === TRACE_ID);
      expect(traces.length).toBeGreaterThanOrEqual(5);
      expect(new Set(found.map(({ stream }) => Object.keys(stream).sort().join()))).toEqual(
        new Set(["env,level,service"]),
      );
    }, SOON);
  });
});
