import { GoogleGenerativeAIError, GoogleGenerativeAIFetchError } from "@google/generative-ai";
import { GenerationError, type GenerationFailure, type GenerationUsage } from "../../ports/image-generator.ts";
import { asRecords, field, type JsonRecord } from "../image-models/json-fields.ts";
import { providerText, withoutSecrets } from "../image-models/provider-text.ts";
import { untilQuotaReset } from "./quota-reset.ts";

export interface ErrorContext {
  readonly model: string;
  /** Whether our own signal has fired: what comes then is its doing. */
  readonly aborted: boolean;
  /** What must not be repeated, nor be taken for Google's words: keys and the user's words. */
  readonly secrets: readonly (string | null)[];
  readonly startedAt: number;
  readonly now: number;
}

/**
 * How Google begins to say, under a 400, that the key, the account or the model is at fault and not the request. The
 * SDK keeps no status string, so that FAILED_PRECONDITION can only be told from INVALID_ARGUMENT by this.
 */
const OPERATORS_FAULT =
  /^(API key (not valid|not found|expired)|User location is not supported|Image generation is not available in your country|Gemini API free tier is not available|Please enable billing|Billing |Model does not support the requested response modalities)/i;
/** The same under a 429, which no waiting mends. */
const OUT_OF_CREDIT = /^Your (prepayment credits are depleted|project has (exceeded|reached) its .*spend)/i;

const OPERATORS_REASONS = /^(API_KEY_|BILLING_|CONSUMER_|SERVICE_DISABLED)/;

function detailsOf(error: GoogleGenerativeAIFetchError, type: string): JsonRecord[] {
  return asRecords(error.errorDetails).filter((detail) => String(detail["@type"]).endsWith(`google.rpc.${type}`));
}

/** Google's own sentence, which the SDK puts between the url and status and the details. */
function sentenceOf(error: GoogleGenerativeAIFetchError): string {
  const head = `: [${error.status} ${error.statusText}] `;
  const at = error.message.indexOf(head);
  const details = error.errorDetails === undefined ? "" : ` ${JSON.stringify(error.errorDetails)}`;
  return at < 0 ? "" : error.message.slice(at + head.length).replace(details, "");
}

/** A duration of protobuf's JSON ("37s", "1.5s") in milliseconds; null for anything else. */
function durationMs(value: unknown): number | null {
  const seconds = typeof value === "string" ? /^(\d{1,7}(?:\.\d{1,9})?)s$/.exec(value)?.[1] : undefined;
  return seconds === undefined ? null : Math.ceil(Number(seconds) * 1000);
}

function retryDelayMs(error: GoogleGenerativeAIFetchError): number | null {
  const delays = detailsOf(error, "RetryInfo").map((detail) => durationMs(field(detail, "retryDelay")));
  return delays.find((delay) => delay !== null) ?? null;
}

function isDayQuota(error: GoogleGenerativeAIFetchError): boolean {
  const violations = detailsOf(error, "QuotaFailure").flatMap((detail) => asRecords(field(detail, "violations")));
  return violations.some((violation) => /PerDay/i.test(String(field(violation, "quotaId"))));
}

function isOperatorsFault(error: GoogleGenerativeAIFetchError, sentence: string): boolean {
  const reasons = detailsOf(error, "ErrorInfo").map((detail) => String(field(detail, "reason")));
  if (reasons.some((reason) => OPERATORS_REASONS.test(reason))) return true;
  return detailsOf(error, "PreconditionFailure").length > 0 || OPERATORS_FAULT.test(sentence);
}

/** An answer with the status of an error is not billed (https://ai.google.dev/gemini-api/docs/billing). */
const NOTHING_USED: GenerationUsage = { promptTokens: 0, outputTokens: 0, costMicros: 0 };

const SHORTEST_WORK_MS = 1_000;

/** Statuses that speak of how the service is set up, and those that pass by themselves. */
const CONFIG_STATUSES: ReadonlySet<number> = new Set([401, 402, 403, 404, 405, 410]);
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 409, 425, 499]);

/** `sentence`: Google's own, without what it repeats of the request: a user's words must not open a circuit. */
function failureOf(error: GoogleGenerativeAIFetchError, sentence: string): GenerationFailure {
  const status = error.status ?? 0;
  if (status === 429) {
    if (OUT_OF_CREDIT.test(sentence)) return "config";
    return isDayQuota(error) ? "quota_day" : "rate_limited";
  }
  if (CONFIG_STATUSES.has(status)) return "config";
  // A redirect is not followed: the url that is configured is not where the API is.
  if (status >= 300 && status < 400) return "config";
  if (status < 400 || status >= 500 || PASSING_STATUSES.has(status)) return "unavailable";
  // What is left says that the request is wrong; it would be so again.
  return status === 400 && isOperatorsFault(error, sentence) ? "config" : "invalid_input";
}

function fromHttp(error: GoogleGenerativeAIFetchError, context: ErrorContext): GenerationError {
  const failure = failureOf(error, withoutSecrets(sentenceOf(error), context.secrets));
  const retryAfterMs =
    failure === "quota_day"
      ? untilQuotaReset(context.now)
      : failure === "rate_limited" || failure === "unavailable"
        ? retryDelayMs(error)
        : null;
  const about = error.status === 404 ? `model ${context.model} not found, or not for this key` : "refused";
  const sentence = providerText(sentenceOf(error), context.secrets);
  const told = `Gemini ${context.model}: HTTP ${error.status}, ${about}${sentence && `: ${sentence}`}`;
  const usage = (error.status ?? 0) >= 300 ? NOTHING_USED : null;
  return new GenerationError(failure, told, { retryAfterMs, usage });
}

/** The error number of the network, `ECONNRESET` for example, where the runtime gives one. */
function networkCode(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    if ("code" in at && typeof at.code === "string" && /^[A-Z_]{1,40}$/.test(at.code)) return ` (${at.code})`;
  }
  return "";
}

/** What happened where there is no answer to quote: no connection, a body that is none, an abort that is not ours. */
function withoutAnswer(error: unknown): string {
  if (error instanceof SyntaxError) return "the answer is no JSON";
  // Of `fetch` itself the SDK keeps the words alone, which name the url.
  if (error instanceof GoogleGenerativeAIError) return "no connection, or one that broke before an answer";
  return `no usable answer${networkCode(error)}`;
}

/**
 * What the SDK threw, as one of the classes; what was used is not known where there was no answer. The SDK's errors
 * carry the url and the answer's text, so they are neither quoted nor kept as a cause.
 */
export function toGenerationError(error: unknown, context: ErrorContext): GenerationError {
  if (context.aborted) return new GenerationError("timeout", `Gemini ${context.model}: no answer in time`);
  if (error instanceof GoogleGenerativeAIFetchError) return fromHttp(error, context);
  // No answer within a second: the connection never came about, or broke before a picture could have been made.
  const isUnanswered = error instanceof GoogleGenerativeAIError;
  const usage = isUnanswered && context.now - context.startedAt < SHORTEST_WORK_MS ? NOTHING_USED : null;
  return new GenerationError("unavailable", `Gemini ${context.model}: ${withoutAnswer(error)}`, { usage });
}
