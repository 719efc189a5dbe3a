import { unlessAborted } from "../../kernel/unless-aborted.ts";
import { type OtpMessage, SmsError, type SmsFailure, type SmsSender } from "../../ports/sms-sender.ts";
import { type HttpAnswer, readAnswer } from "../http-answer.ts";

export type Fetch = (request: Request) => Promise<Response>;

export interface SmsRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

type JsonBody = NonNullable<HttpAnswer["body"]>;

/** What is particular to a provider's API. */
export interface SmsApi {
  /** For operators. */
  readonly name: string;
  /** @throws {SmsError} for a message the provider can't take. */
  request(message: OtpMessage): SmsRequest;
  accepted(body: JsonBody): boolean;
  /** The provider's own code of a failure, where the answer has one: a number and nothing else, so that it tells nothing. */
  errorCode(body: JsonBody): number | null;
  /** The class of each code that is known. */
  readonly failures: ReadonlyMap<number, SmsFailure>;
}

/** A table of {@link SmsApi.failures}. */
export function failureTable(classes: Partial<Record<SmsFailure, readonly number[]>>): ReadonlyMap<number, SmsFailure> {
  const entries = Object.entries(classes) as [SmsFailure, readonly number[]][];
  return new Map(entries.flatMap(([failure, codes]) => codes.map((code) => [code, failure] as const)));
}

/** `value` where it is a provider's code: small, so that neither a phone nor a long one-time code passes for one. */
export function asErrorCode(value: unknown): number | null {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 99_999 ? (value as number) : null;
}

/** `path` under a base URL, which may have a path of its own. */
export function urlUnder(baseUrl: string, path: string): string {
  return baseUrl.replace(/\/+$/, "") + path;
}

function toRequest(api: SmsApi, message: OtpMessage, signal: AbortSignal): Request {
  try {
    const { url, headers, body } = api.request(message);
    return new Request(url, { method: "POST", headers, body, signal, redirect: "manual" });
  } catch (error) {
    if (error instanceof SmsError) throw error;
    throw new SmsError("config", `${api.name}: no request can be made of the configured url and keys`);
  }
}

/** The error number of the network, `ECONNREFUSED` for example, where the runtime gives one. */
function networkCode(error: unknown): string {
  const cause = error instanceof Error ? error.cause : null;
  const code = cause instanceof Error && "code" in cause ? cause.code : null;
  return typeof code === "string" && /^[A-Z_]{1,40}$/.test(code) ? ` (${code})` : "";
}

function failureOf(api: SmsApi, httpStatus: number, code: number | null): SmsFailure {
  if (httpStatus >= 500) return "unavailable";
  if (httpStatus === 429) return "rate_limited";
  const known = code === null ? undefined : api.failures.get(code);
  return known ?? (httpStatus === 401 ? "config" : "unavailable");
}

function assertAccepted(api: SmsApi, { httpStatus, retryAfterMs, body }: HttpAnswer): void {
  if (httpStatus >= 200 && httpStatus < 300 && body !== null && api.accepted(body)) return;
  const code = body === null ? null : api.errorCode(body);
  const told = body === null ? "no usable body" : code === null ? "no code" : `code ${code}`;
  const failure = failureOf(api, httpStatus, code);
  throw new SmsError(failure, `${api.name}: HTTP ${httpStatus}, ${told}`, { retryAfterMs });
}

/** The sender over a provider's HTTP API. */
export function createHttpSms(api: SmsApi, fetch: Fetch = (request) => globalThis.fetch(request)): SmsSender {
  return {
    async sendOtp(message, { signal }) {
      if (signal.aborted) throw new SmsError("timeout", `${api.name}: out of time before the request`);
      const request = toRequest(api, message, signal);
      let answer: HttpAnswer;
      try {
        answer = await unlessAborted(fetch(request).then(readAnswer), signal);
      } catch (error) {
        if (signal.aborted) throw new SmsError("timeout", `${api.name}: no answer in time`);
        throw new SmsError("unavailable", `${api.name}: no answer${networkCode(error)}`);
      }
      assertAccepted(api, answer);
    },
  };
}
