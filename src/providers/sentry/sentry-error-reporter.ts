import { Toucan } from "toucan-js";
import type { Background } from "../../kernel/background.ts";
import { type Clock, systemClock } from "../../kernel/clock.ts";
import { utf8 } from "../../kernel/encoding.ts";
import { unlessAborted } from "../../kernel/unless-aborted.ts";
import type { ErrorContext, ErrorReporter } from "../../ports/error-reporter.ts";
import type { Metrics } from "../../ports/metrics.ts";
import { isSentryDsn } from "./sentry-dsn.ts";
import { cleared, type StackParser, toEvent } from "./sentry-event.ts";
import { type SentryGate, sentryGate } from "./sentry-gate.ts";

export interface SentryConfig {
  /** `https://<public key>@<host>/<project id>`. */
  readonly dsn: string;
  /** The share of failures that is told, from 0 to 1. */
  readonly sampleRate: number;
  /** The service's version. */
  readonly release: string;
  readonly environment: string;
  readonly worker: string;
}

export interface SentryDeps {
  readonly background: Background;
  readonly metrics: Metrics;
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  readonly clock?: Clock;
  /** From 0 to below 1. */
  readonly random?: () => number;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 5_000;
/** Each costs one of the calls an invocation may make. */
const MAX_REPORTS = 10;
/** More than any text has that gets here: the SDK would cut before secrets are looked for. */
const MAX_VALUE_CHARS = 2_000;

/** The first 16 hex digits of the SHA-256. Ids are random, so they need no key. */
async function hashOf(userId: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", utf8(userId));
  return new DataView(digest).getBigUint64(0).toString(16).padStart(16, "0");
}

/**
 * One request's reports to Sentry. The SDK is made anew for each event and shared by none: its own queue and rate limits
 * hold promises of the request that made them, which another request can't wait for. What all need is in the gate.
 */
class SentryErrorReporter implements ErrorReporter {
  readonly #config: SentryConfig;
  readonly #deps: Required<SentryDeps>;
  readonly #gate: SentryGate;
  readonly #seen = new WeakSet<object>();
  #reports = 0;

  constructor(config: SentryConfig, deps: SentryDeps) {
    this.#config = config;
    this.#deps = {
      fetch: (url, init) => fetch(url, init),
      clock: systemClock,
      random: Math.random,
      timeoutMs: TIMEOUT_MS,
      ...deps,
    };
    this.#gate = sentryGate(config.dsn);
  }

  report(error: unknown, context: ErrorContext): void {
    const { background, clock, random } = this.#deps;
    if ((typeof error === "object" && error !== null) || typeof error === "function") {
      if (this.#seen.has(error)) return;
      this.#seen.add(error);
    }
    if (random() >= this.#config.sampleRate) this.#count("sampled_out");
    else if (!isSentryDsn(this.#config.dsn) || this.#reports >= MAX_REPORTS || !this.#gate.admit(clock.now())) {
      this.#count("dropped");
    } else {
      this.#reports++;
      background(this.#tell(error, context));
    }
  }

  #count(outcome: "sent" | "dropped" | "sampled_out"): void {
    this.#deps.metrics.count("telemetry_items_total", { exporter: "sentry", outcome });
  }

  async #tell(error: unknown, context: ErrorContext): Promise<void> {
    const isSent = await this.#send(error, context).catch(() => false);
    this.#count(isSent ? "sent" : "dropped");
  }

  async #send(error: unknown, context: ErrorContext): Promise<boolean> {
    let sending = Promise.resolve(false);
    const toucan = this.#toucan(context.traceId !== undefined, async (url, init) => {
      sending = this.#post(String(url), init?.body);
      await sending;
      return new Response(null);
    });
    const parse = toucan.getClient()?.getOptions().stackParser as StackParser;
    const { worker } = this.#config;
    const userHash = context.userId === undefined ? undefined : await hashOf(context.userId);
    const { spanId } = toucan.getPropagationContext();
    // The SDK asks for its `fetch` before this returns.
    toucan.captureEvent(toEvent(error, parse, { context, worker, userHash, spanId }));
    return sending;
  }

  #toucan(hasTrace: boolean, fetcher: typeof fetch): Toucan {
    const { dsn, release, environment } = this.#config;
    return new Toucan({
      dsn,
      release: `ai-styler@${release}`,
      environment,
      defaultIntegrations: false,
      maxValueLength: MAX_VALUE_CHARS,
      beforeSend: (event) => {
        try {
          return cleared(event, hasTrace);
        } catch {
          // What is thrown here, the SDK would tell as it is.
          return null;
        }
      },
      transportOptions: { fetcher },
    });
  }

  /** Whether Sentry took it. Settles within `timeoutMs`, and never rejects. */
  async #post(url: string, body: RequestInit["body"]): Promise<boolean> {
    const { clock, timeoutMs } = this.#deps;
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), timeoutMs);
    const { signal } = controller;
    const headers = { "Content-Type": "application/x-sentry-envelope" };
    // A redirect would take the event and the key to wherever an answer points.
    const init: RequestInit = { method: "POST", headers, body: body ?? null, redirect: "manual", signal };
    try {
      const response = await unlessAborted(this.#deps.fetch(url, init), signal);
      this.#gate.note(response, clock.now());
      response.body?.cancel().catch(() => {});
      return response.ok;
    } catch {
      this.#gate.note(null, clock.now());
      return false;
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * Reports to Sentry, for one request or message: one event a failure, in `background`, with nothing of the request but
 * ids and the route's template. What can't be sent is dropped and counted (`telemetry_items_total`).
 */
export function createSentryReporter(config: SentryConfig, deps: SentryDeps): ErrorReporter {
  return new SentryErrorReporter(config, deps);
}
