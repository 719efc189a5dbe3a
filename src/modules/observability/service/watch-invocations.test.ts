import { describe, expect, it } from "vitest";
import { countingMetrics } from "../../../../test/support/counting-metrics.ts";
import type { LogFields } from "../../../kernel/logger.ts";
import type { Alert } from "../../../ports/alerts.ts";
import type { Invocation } from "../../../ports/invocation.ts";
import type { LogLine, Span, TelemetryExport } from "../../../ports/telemetry-export.ts";
import { watchInvocations } from "./watch-invocations.ts";

const invocation: Invocation = {
  worker: "api",
  trigger: "fetch",
  entrypoint: null,
  durableObjectId: null,
  outcome: "ok",
  cpuMs: 3,
  wallMs: 40,
  at: 1_700_000_000_000,
  logs: [],
  exceptions: [],
};

function collecting<T>(): TelemetryExport<T> & { readonly items: T[] } {
  const items: T[] = [];
  return { items, add: (more) => void items.push(...more), ship: async () => {} };
}

function stage() {
  const events: (LogFields & { readonly message: string })[] = [];
  const alerts: Alert[] = [];
  const metrics = countingMetrics();
  const lines = collecting<LogLine>();
  const spans = collecting<Span>();
  const deps = {
    logger: {
      log: (_level: string, message: string, fields: LogFields = {}) => void events.push({ message, ...fields }),
    },
    alerts: { raise: (alert: Alert) => void alerts.push(alert) },
    metrics,
    background: () => {},
    lines,
    spans,
  };
  const watch = (...given: readonly Partial<Invocation>[]) =>
    watchInvocations(
      deps,
      given.map((change) => ({ ...invocation, ...change })),
    );
  return { deps, watch, events, alerts, metrics, lines: lines.items, spans: spans.items };
}

describe("watchInvocations", () => {
  it("counts every invocation once, with its times", () => {
    const { watch, metrics } = stage();
    watch({}, {}, { worker: "consumer", trigger: "queue", outcome: "exceededMemory" });
    expect(metrics.counts()).toEqual({
      "invocations_total api fetch ok": 2,
      "invocations_total consumer queue exceededMemory": 1,
    });
    expect(metrics.durations()).toEqual({
      "invocation_cpu_seconds api fetch": [3, 3],
      "invocation_wall_seconds api fetch": [40, 40],
      "invocation_cpu_seconds consumer queue": [3],
      "invocation_wall_seconds consumer queue": [40],
    });
  });

  it.each(["exceededCpu", "exceededMemory", "exception", "unknown", "scriptNotFound", "killSwitch", "loadShed", "new"])(
    "%s is told as one error line, one alert, and a line among those of the Worker",
    (outcome) => {
      const { watch, events, alerts, lines } = stage();
      watch({ outcome, worker: "hasher", trigger: "rpc", exceptions: [{ name: "RangeError", at: 1 }] });
      const shown = outcome === "new" ? "other" : outcome;
      expect(events).toEqual([
        expect.objectContaining({
          message: "invocation cut off",
          script: "hasher",
          outcome: shown,
          exception: "RangeError",
        }),
      ]);
      expect(alerts.map(({ name, about }) => [name, about])).toEqual([["invocation_cut_off", `hasher/${shown}`]]);
      expect(lines.map(({ service, level, at }) => [service, level, at])).toEqual([
        ["hasher", "error", 1_700_000_000_040],
      ]);
      expect(JSON.parse(lines[0]?.text ?? "")).toMatchObject({
        msg: "invocation cut off",
        level: "error",
        outcome: shown,
      });
    },
  );

  it.each(["ok", "canceled", "responseStreamDisconnected"])("%s is nothing to tell of", (outcome) => {
    const { watch, events, alerts, lines } = stage();
    watch({ outcome });
    expect([events, alerts, lines]).toEqual([[], [], []]);
  });

  it("hands on lines and spans under the Worker's name, in order", () => {
    const { watch, lines, spans } = stage();
    const ids = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
    const request = JSON.stringify({
      time: new Date(7).toISOString(),
      level: "info",
      msg: "request",
      ...ids,
      durationMs: 2,
    });
    watch({
      logs: [
        { at: 5, level: "log", text: "first" },
        { at: 7, level: "log", text: request },
      ],
    });
    expect(lines.map(({ service, at, text }) => [service, at, text])).toEqual([
      ["api", 5, "first"],
      ["api", 7, request],
    ]);
    expect(spans).toEqual([expect.objectContaining({ service: "api", ...ids, startedAt: 5, endedAt: 7 })]);
  });

  it("needs nowhere to send lines to", () => {
    const { deps, metrics, alerts } = stage();
    const logs = [{ at: 5, level: "log", text: "{" }];
    watchInvocations({ ...deps, lines: null, spans: null }, [{ ...invocation, outcome: "exceededCpu", logs }]);
    expect(metrics.counts()).toEqual({ "invocations_total api fetch exceededCpu": 1 });
    expect(alerts).toHaveLength(1);
  });
});
