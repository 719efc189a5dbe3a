import type { Background } from "../../../kernel/background.ts";
import { formatEvent, type LogFields, type Logger } from "../../../kernel/logger.ts";
import type { Alerts } from "../../../ports/alerts.ts";
import type { Invocation } from "../../../ports/invocation.ts";
import type { Metrics } from "../../../ports/metrics.ts";
import type { LogLine, Span, TelemetryExport } from "../../../ports/telemetry-export.ts";
import { toSpan } from "../event-span.ts";
import { parseEvent, toLogLine } from "../log-event.ts";

export interface WatchInvocationsDeps {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly alerts: Alerts;
  readonly background: Background;
  /** Null where lines go nowhere. */
  readonly lines: TelemetryExport<LogLine> | null;
  readonly spans: TelemetryExport<Span> | null;
}

/** How an invocation ends that was not cut off: by itself, or because its client went away. */
const WHOLE: ReadonlySet<string> = new Set(["ok", "canceled", "responseStreamDisconnected"]);
/** What the platform is known to say; a label has few values. */
const OUTCOMES: ReadonlySet<string> = new Set([
  ...WHOLE,
  "aborted",
  "daemonDown",
  "exceededCpu",
  "exceededMemory",
  "exceededWallTime",
  "exception",
  "internalError",
  "killSwitch",
  "loadShed",
  "scriptNotFound",
  "unknown",
]);
const ADVICE: Readonly<Record<string, string>> = {
  exceededCpu: "Look in its log for what it was doing: a larger picture or a slower hash than its CPU limit allows",
  exceededMemory: "Look in its log for what it was holding: 128 MB are all an isolate has",
  exception: "Look for the exception in the Worker's log and in the error reports",
};
const GENERAL_ADVICE = "Look in the Worker's log at that time, and at https://www.cloudflarestatus.com";

/** An invocation that could not tell what became of it. */
function tellCutOff({ logger, alerts, lines }: WatchInvocationsDeps, invocation: Invocation, outcome: string): void {
  const { worker, trigger, entrypoint, durableObjectId, at, exceptions } = invocation;
  const fields: LogFields = {
    script: worker,
    trigger,
    outcome,
    at,
    exception: exceptions[0]?.name,
    entrypoint,
    durableObjectId,
  };
  const message = "invocation cut off";
  logger.log("error", message, fields);
  // Nobody tails the tail: its own line is handed on from here, to where the Worker's other lines are.
  const endedAt = at + invocation.wallMs;
  const text = formatEvent("json", "error", message, { service: worker, ...fields }, endedAt);
  lines?.add([{ service: worker, level: "error", at: endedAt, text, ids: {} }]);
  alerts.raise({
    name: "invocation_cut_off",
    about: `${worker}/${outcome}`,
    what: `An invocation of ${worker} (${trigger}) was cut off: ${outcome}`,
    advice: ADVICE[outcome] ?? GENERAL_ADVICE,
  });
}

function count({ metrics }: WatchInvocationsDeps, invocation: Invocation, outcome: string): void {
  const { worker, trigger, cpuMs, wallMs } = invocation;
  metrics.count("invocations_total", { worker, trigger, outcome });
  metrics.time("invocation_cpu_seconds", { worker, trigger }, cpuMs);
  metrics.time("invocation_wall_seconds", { worker, trigger }, wallMs);
}

/** Hands on what an invocation has logged. */
function handOn({ lines, spans }: WatchInvocationsDeps, { worker, logs }: Invocation): void {
  if (lines === null && spans === null) return;
  for (const logged of logs) {
    const event = parseEvent(logged.text);
    lines?.add([toLogLine(worker, logged, event)]);
    const span = event === null ? null : toSpan(worker, event, logged.at);
    if (span !== null) spans?.add([span]);
  }
}

/**
 * Counts invocations, tells of those that were cut off, and hands on what they have logged: lines to where logs go, and
 * each event with a duration as a span. Waits for nothing.
 */
export function watchInvocations(deps: WatchInvocationsDeps, invocations: readonly Invocation[]): void {
  for (const invocation of invocations) {
    const outcome = OUTCOMES.has(invocation.outcome) ? invocation.outcome : "other";
    count(deps, invocation, outcome);
    handOn(deps, invocation);
    if (!WHOLE.has(outcome)) tellCutOff(deps, invocation, outcome);
  }
  if (deps.lines !== null) deps.background(deps.lines.ship());
  if (deps.spans !== null) deps.background(deps.spans.ship());
}
