import type { Invocation, Trigger } from "../../ports/invocation.ts";

/** The names of all Workers begin with it. */
const NAME_PREFIX = "ai-styler-";
/** A class's name is the code's, but who knows who gave it. */
const PLAIN_NAME = /^[\w.$-]{1,64}$/;
const LOCAL_LABEL = /^\[(?:undefined|ai-styler-([a-z]+))\]$/;
/** No invocation goes on for longer. */
const LONGEST_MS = 30 * 24 * 60 * 60_000;

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

/** Epoch ms, between 1970 and 2096. */
function timeOf(value: unknown, otherwise: number): number {
  return typeof value === "number" && value >= 0 && value <= 4e12 ? value : otherwise;
}

function durationOf(value: unknown): number {
  return typeof value === "number" && value >= 0 ? Math.min(value, LONGEST_MS) : 0;
}

function nameOf(value: unknown): string | null {
  return typeof value === "string" && PLAIN_NAME.test(value) ? value : null;
}

/** The events have no type of their own: each is known by what it has. */
function triggerOf(event: Fields): Trigger {
  if ("rpcMethod" in event) return "rpc";
  if ("request" in event) return "fetch";
  if ("queue" in event) return "queue";
  if ("cron" in event) return "scheduled";
  if ("scheduledTime" in event) return "alarm";
  return "consumedEvents" in event ? "tail" : "other";
}

/** An argument of the console as text. */
function toText(argument: unknown): string {
  if (typeof argument === "string") return argument;
  try {
    return JSON.stringify(argument) ?? String(argument);
  } catch {
    return `[${typeof argument}]`;
  }
}

/** One log entry's arguments, joined as the console joins them. */
function joined(message: unknown): string {
  return Array.isArray(message) ? message.map(toText).join(" ") : toText(message);
}

/** `wrangler dev` names no script, but puts a Worker's name before what it logs; `undefined` for the first Worker. */
function localNameOf(message: unknown): string | null {
  const [first, ...rest] = Array.isArray(message) ? message : [];
  const label = typeof first === "string" && rest.length > 0 ? LOCAL_LABEL.exec(first) : null;
  return label === null ? null : (label[1] ?? "api");
}

/** Whose invocation it was, and the arguments of each log entry. */
function sourceOf(trace: Fields): { readonly worker: string; readonly messages: readonly unknown[] } {
  const messages = listOf(trace.logs).map(({ message }) => message);
  const script = nameOf(trace.scriptName);
  if (script !== null) {
    return { worker: script.startsWith(NAME_PREFIX) ? script.slice(NAME_PREFIX.length) : script, messages };
  }
  const names = messages.map(localNameOf);
  return {
    worker: names.find((name) => name !== null) ?? "unknown",
    messages: messages.map((message, i) => (names[i] === null ? message : (message as readonly unknown[]).slice(1))),
  };
}

/** What the platform tells of an invocation in the service's own terms. Never throws, whatever it tells. */
export function toInvocation(item: unknown): Invocation {
  const trace = fieldsOf(item);
  const at = timeOf(trace.eventTimestamp, Date.now());
  const { worker, messages } = sourceOf(trace);
  return {
    worker,
    trigger: triggerOf(fieldsOf(trace.event)),
    entrypoint: nameOf(trace.entrypoint),
    durableObjectId: nameOf(trace.durableObjectId),
    outcome: nameOf(trace.outcome) ?? "other",
    cpuMs: durationOf(trace.cpuTime),
    wallMs: durationOf(trace.wallTime),
    at,
    // Read where lines are handed on, and nowhere else.
    get logs() {
      return listOf(trace.logs).map((log, i) => ({
        at: timeOf(log.timestamp, at),
        level: nameOf(log.level) ?? "log",
        text: joined(messages[i]),
      }));
    },
    exceptions: listOf(trace.exceptions).map((exception) => ({
      at: timeOf(exception.timestamp, at),
      name: nameOf(exception.name) ?? "Error",
    })),
  };
}
