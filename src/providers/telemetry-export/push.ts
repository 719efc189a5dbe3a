import { unlessAborted } from "../../kernel/unless-aborted.ts";
import { type HttpAnswer, readAnswer } from "../http-answer.ts";

/** One POST of JSON. */
export interface PushRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What became of a push. `why` names a status or a failure; never an url, a header or what was answered. */
export type PushOutcome =
  | { readonly kind: "taken"; readonly body: HttpAnswer["body"] }
  /** Would be refused again. */
  | { readonly kind: "refused"; readonly why: string }
  /** May go well later. */
  | { readonly kind: "again"; readonly why: string; readonly retryAfterMs: number };

function toRequest({ url, headers, body }: PushRequest, signal: AbortSignal): Request | null {
  try {
    const all = { ...headers, "Content-Type": "application/json" };
    // A redirect would take the keys and the log to wherever an answer points.
    return new Request(url, { method: "POST", headers: all, body, signal, redirect: "manual" });
  } catch {
    return null;
  }
}

async function judge(response: Response, signal: AbortSignal): Promise<PushOutcome> {
  const { status } = response;
  // The status alone decides, even where the rest of the answer never comes.
  const answer = await unlessAborted(readAnswer(response), signal).catch(() => null);
  if (status >= 200 && status < 300) return { kind: "taken", body: answer?.body ?? null };
  const why = `HTTP ${status}`;
  if (status !== 429 && status < 500) return { kind: "refused", why };
  return { kind: "again", why, retryAfterMs: answer?.retryAfterMs ?? 0 };
}

/** Sends a request once; never rejects, and settles within `timeoutMs`. */
export async function push(pushed: PushRequest, timeoutMs: number): Promise<PushOutcome> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeoutMs);
  const { signal } = controller;
  try {
    const request = toRequest(pushed, signal);
    if (request === null) return { kind: "refused", why: "no request can be made of the configured url and headers" };
    const response = await unlessAborted(fetch(request), signal);
    return await judge(response, signal);
  } catch {
    return { kind: "again", why: signal.aborted ? "no answer in time" : "no answer", retryAfterMs: 0 };
  } finally {
    clearTimeout(timer);
  }
}
