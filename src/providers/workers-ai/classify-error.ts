import { GenerationError, type GenerationFailure, type GenerationUsage } from "../../ports/image-generator.ts";
import { providerText, withoutSecrets } from "../image-models/provider-text.ts";

export interface ErrorContext {
  readonly model: string;
  /** Whether our own signal has fired: what comes then is its doing. */
  readonly aborted: boolean;
  /** What must not be repeated, nor be taken for a verdict: the user's words, as written and as sent. */
  readonly secrets: readonly (string | null)[];
  readonly now: number;
}

const DAY_MS = 24 * 60 * 60_000;
const NOTHING_USED: GenerationUsage = { promptTokens: 0, outputTokens: 0, costMicros: 0 };

/** The codes of https://developers.cloudflare.com/workers-ai/platform/errors/, and of the API around it. */
const FAILURES: Readonly<Record<string, GenerationFailure>> = {
  // No such model, or not for this account.
  "5007": "config",
  "3042": "config",
  "5018": "config",
  "3041": "config",
  "5016": "config",
  "3023": "config",
  // What the binding or the model does not know; a file that is missing on their side.
  "5019": "config",
  "5005": "config",
  "3039": "config",
  // Authentication, of the API.
  "10000": "config",
  // The request is wrong, and would be so again.
  "5004": "invalid_input",
  "5006": "invalid_input",
  "3003": "invalid_input",
  "3006": "invalid_input",
  "3007": "timeout",
  "3008": "unavailable",
  "3036": "quota_day",
  "3040": "unavailable",
  "429": "rate_limited",
};

/** Of the codes above those that may come after the work; all others are told before a model runs. */
const MAY_HAVE_RUN: ReadonlySet<string> = new Set(["3007", "3008"]);

/**
 * How the model's own refusals begin. They are 3030, as is everything else that goes wrong inside of a model. No wish
 * can put its words at the beginning, so that these are read as they stand: one of "NSFW" does not talk them away.
 */
const REFUSAL =
  /^(?:\d+: )?(?:[A-Za-z]+: )*(?:(?:Input|Output) \w+ contains NSFW|Your (?:in|out)put has been flagged)/i;
/** How a refusal in other words may read. */
const REFUSED = /NSFW|\bflagged\b|safety|moderat|content policy|prohibited/i;
const INVALID = /input is not valid|bad input|invalid input|missing required|must be smaller|too large/i;
const RATE_LIMITED = /rate limit|too many requests/i;
/** What `wrangler dev` says where it has no connection to the real thing. */
const NOT_CONNECTED = /run remotely|not supported in local/i;

interface Judged {
  readonly failure: GenerationFailure;
  /** Whether it is certain that no model has run. */
  readonly isFree: boolean;
}

function judge({ name, message }: Error, code: string | null, secrets: ErrorContext["secrets"]): Judged {
  // An error may repeat the request, and the user's words would then be taken for a verdict on them.
  const text = withoutSecrets(message, secrets);
  // The binding's own objection, before anything is sent: a gateway that can't take forms, for example.
  if (name === "AiInternalError" || NOT_CONNECTED.test(text)) return { failure: "config", isFree: true };
  const known = code === null ? undefined : FAILURES[code];
  if (known !== undefined) return { failure: known, isFree: !MAY_HAVE_RUN.has(code as string) };
  // A request that may have been refused is not tried elsewhere: this comes before the other guesses.
  if (REFUSAL.test(message) || REFUSED.test(text)) return { failure: "blocked", isFree: false };
  if (RATE_LIMITED.test(text)) return { failure: "rate_limited", isFree: true };
  if (code === "3030" && INVALID.test(text)) return { failure: "invalid_input", isFree: true };
  return { failure: "unavailable", isFree: false };
}

/**
 * What the binding threw, or an error in an answer, as one of the classes; its text is cut and cleaned. It used nothing
 * where it came before a model ran, for a neuron is computing done
 * (https://developers.cloudflare.com/workers-ai/platform/pricing/), and nobody knows what in all other cases.
 */
export function toGenerationError(error: unknown, context: ErrorContext): GenerationError {
  const { model, aborted, secrets, now } = context;
  if (aborted) return new GenerationError("timeout", `Workers AI ${model}: no answer in time`);
  const thrown = error instanceof Error ? error : { name: "", message: String(error) };
  const code = /^(?:[A-Za-z]+: )*(\d{3,5}): /.exec(thrown.message)?.[1] ?? null;
  const { failure, isFree } = judge(thrown, code, secrets);
  // The free allocation comes anew at 00:00 UTC (https://developers.cloudflare.com/workers-ai/platform/pricing/).
  const retryAfterMs = failure === "quota_day" ? DAY_MS - (now % DAY_MS) : null;
  const usage = isFree ? NOTHING_USED : null;
  const told = providerText(thrown.message, secrets);
  return new GenerationError(failure, `Workers AI ${model}: ${told || "failed"}`, { retryAfterMs, usage });
}
