import { GenerationError, type GenerationFailure, type GenerationUsage } from "../../ports/image-generator.ts";
import { providerText } from "../image-models/provider-text.ts";

export interface ErrorContext {
  readonly model: string;
  /** Whether our own signal has fired: what comes then is its doing. */
  readonly aborted: boolean;
  /** What must not be repeated: the user's words. */
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

/** No model has run: there was none with room for the request. */
const OUT_OF_CAPACITY = "3040";

/**
 * How the model's own refusals read. They are 3030 ("Input prompt contains NSFW content", "Your output has been flagged.
 * Please choose another prompt / input image combination"), as is everything else that goes wrong inside of a model.
 */
const REFUSED = /NSFW|\bflagged\b|safety|moderat|content policy|prohibited/i;
const INVALID = /input is not valid|bad input|invalid input|missing required|must be smaller|too large/i;
const RATE_LIMITED = /rate limit|too many requests/i;
/** What `wrangler dev` says where it has no connection to the real thing. */
const NOT_CONNECTED = /run remotely|not supported in local/i;

/** An error may repeat the request, and the user's words would then be taken for a verdict on them. */
function without(text: string, secrets: readonly (string | null)[]): string {
  return secrets.reduce<string>((rest, secret) => (secret ? rest.replaceAll(secret, "") : rest), text);
}

function failureOf(name: string, code: string | null, text: string): GenerationFailure {
  // The binding's own objection, before anything is sent: a gateway that can't take forms, for example.
  if (name === "AiInternalError" || NOT_CONNECTED.test(text)) return "config";
  const known = code === null ? undefined : FAILURES[code];
  if (known !== undefined) return known;
  // A request that may have been refused is not tried elsewhere: this comes before the other guesses.
  if (REFUSED.test(text)) return "blocked";
  if (RATE_LIMITED.test(text)) return "rate_limited";
  return code === "3030" && INVALID.test(text) ? "invalid_input" : "unavailable";
}

/** What the binding threw, or an error in an answer, as one of the classes; its text is cut and cleaned. */
export function toGenerationError(error: unknown, context: ErrorContext): GenerationError {
  const { model, aborted, secrets, now } = context;
  if (aborted) return new GenerationError("timeout", `Workers AI ${model}: no answer in time`);
  const { name, message } = error instanceof Error ? error : { name: "", message: String(error) };
  const code = /^(?:[A-Za-z]+: )*(\d{3,5}): /.exec(message)?.[1] ?? null;
  const failure = failureOf(name, code, without(message, secrets));
  // The free allocation comes anew at 00:00 UTC (https://developers.cloudflare.com/workers-ai/platform/pricing/).
  const retryAfterMs = failure === "quota_day" ? DAY_MS - (now % DAY_MS) : null;
  const usage = code === OUT_OF_CAPACITY ? NOTHING_USED : null;
  const told = providerText(message, secrets);
  return new GenerationError(failure, `Workers AI ${model}: ${told || "failed"}`, { retryAfterMs, usage });
}
