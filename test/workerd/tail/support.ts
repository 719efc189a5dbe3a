import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { expect, inject, vi } from "vitest";
import type { MetricsShardApi } from "../../../durable-objects/metrics-shard/contract.ts";
import { metricOf, parseSeriesKey } from "../../../src/kernel/metric-series.ts";
import worker from "../../../src/workers/tail/index.ts";
import { bindings } from "../support/database.ts";

/** What the fakes can be told to do with the next good pushes. */
type PushScript = "ok" | "bad" | "limited" | "error" | "hang" | "reset" | "lost" | "redirect";

/** As the fakes tell it. */
interface PushCounts {
  readonly pushes: number;
  readonly refused: number;
  readonly followed: number;
}

async function ask(url: string, path: string, body?: unknown): Promise<unknown> {
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(`${url}/__fake/${path}`, init);
  expect(response.status).toBe(200);
  return response.json();
}

/** What a fake of the global setup has kept, and what it is to do. */
function fakeAt<Kept>(url: string) {
  return {
    url,
    reset: () => ask(url, "reset", {}),
    script: (...scripts: PushScript[]) => ask(url, "script", scripts),
    always: (...scripts: PushScript[]) => ask(url, "always", scripts),
    async read(): Promise<{ readonly kept: Kept; readonly counts: PushCounts }> {
      return (await ask(url, "kept")) as { kept: Kept; counts: PushCounts };
    },
  };
}

/** As the fake tells it. */
interface LokiLine {
  readonly stream: Readonly<Record<string, string>>;
  readonly ns: string;
  readonly line: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** As the fake tells it. */
interface OtlpSpan {
  readonly resource: Readonly<Record<string, unknown>>;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startNs: string;
  readonly endNs: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly status: number;
}

export const loki = fakeAt<{ readonly lines: readonly LokiLine[]; readonly duplicates: number }>(inject("lokiFake"));
export const otlp = fakeAt<{ readonly spans: readonly OtlpSpan[] }>(inject("otlpFake"));

let stages = 0;

/** A tail Worker in an isolate of its own: its environment is its own, and so are its shards. */
export function tailStage(variables: Record<string, string> = {}) {
  const stage = ++stages;
  const shard = (name: string): MetricsShardApi =>
    bindings.METRICS_SHARD.getByName(`tail-${stage}-${name}`) as unknown as MetricsShardApi;
  const env = {
    ...bindings,
    LOKI_URL: loki.url,
    OTLP_ENDPOINT: otlp.url,
    METRICS_SHARDS: "1",
    ...variables,
    METRICS_SHARD: { getByName: shard },
  } as unknown as TailEnv;

  /** One invocation; what it gives is the end of its background work. */
  function invoke(...items: readonly unknown[]): { readonly done: Promise<void> } {
    const context = createExecutionContext();
    worker.tail(items as TraceItem[], env, context);
    return { done: waitOnExecutionContext(context) };
  }

  async function counts(): Promise<Record<string, number>> {
    const { counters } = await shard("shard-0").read();
    const shown = (key: string) => [metricOf(key), ...(parseSeriesKey(key)?.values ?? [])].join(" ");
    return Object.fromEntries(counters.map(([key, value]) => [shown(key), value]));
  }
  return { env, invoke, counts };
}

/** What the platform tells of an invocation that logged `texts`. */
export function traceItem(texts: readonly unknown[], change: object = {}): object {
  const now = Date.now();
  return {
    event: { request: { method: "GET", url: "https://api.test/", headers: {} } },
    eventTimestamp: now,
    logs: texts.map((text) => ({ timestamp: now, level: "log", message: [text] })),
    exceptions: [],
    diagnosticsChannelEvents: [],
    scriptName: "ai-styler-api",
    outcome: "ok",
    executionModel: "stateless",
    truncated: false,
    cpuTime: 1,
    wallTime: 2,
    ...change,
  };
}

/** The events the Worker has logged itself. */
export function watchConsole() {
  const spy = vi.spyOn(console, "log").mockImplementation(() => {});
  return () => spy.mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, unknown>);
}
