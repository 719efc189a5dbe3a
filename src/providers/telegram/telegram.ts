import { clipText } from "../../kernel/clip-text.ts";
import { unlessAborted } from "../../kernel/unless-aborted.ts";
import { type HttpAnswer, readAnswer } from "../http-answer.ts";

export const TELEGRAM_BASE_URL = "https://api.telegram.org";

/** Of a message, after its marks have been read; in UTF-16 units. */
export const MAX_TELEGRAM_CHARS = 4_096;
const TIMEOUT_MS = 10_000;

export interface TelegramConfig {
  readonly botToken: string;
  /** A number, or `@name` of a public channel. */
  readonly chatId: string;
  readonly baseUrl: string;
}

export interface TelegramText {
  readonly text: string;
  /** Whether marks in it are Telegram's HTML; otherwise it is shown as it is. */
  readonly html: boolean;
}

/**
 * What became of a message. `detail` is for operators and made here: it holds neither the token nor anything of the text.
 * - `retry`: it may or may not have arrived; `afterMs` is how long Telegram wants to be left alone, null where it said
 *   nothing.
 * - `rejected`: this text will never be accepted.
 * - `misconfigured`: no text would be: a wrong token, or a chat the bot may not write to.
 */
export type TelegramOutcome =
  | { readonly kind: "sent" }
  | { readonly kind: "retry"; readonly afterMs: number | null; readonly detail: string }
  | { readonly kind: "rejected" | "misconfigured"; readonly detail: string };

export interface Telegram {
  /** Sends a message to the chat. Never throws. */
  send(text: TelegramText): Promise<TelegramOutcome>;
}

export interface TelegramOptions {
  readonly fetch?: (request: Request) => Promise<Response>;
  readonly timeoutMs?: number;
}

/** What Telegram answers with 400 when it is the chat and not the text that is wrong. */
const CHAT_PROBLEM =
  /chat not found|chat_id|upgraded to a supergroup|rights|CHAT_WRITE_FORBIDDEN|PEER_ID_INVALID|TOPIC_|kicked|not a member/i;
/** Other statuses below 500 tell of a base url that is not Telegram's. */
const WORTH_ANOTHER_TRY = new Set([408, 409, 425]);
const ABOUT_THE_TEXT = new Set([400, 413, 422]);

function fieldOf(record: unknown, name: string): unknown {
  return typeof record === "object" && record !== null ? (record as Record<string, unknown>)[name] : undefined;
}

function refusalOf(httpStatus: number, body: HttpAnswer["body"]): TelegramOutcome {
  const description = fieldOf(body, "description");
  if (typeof description !== "string" || !CHAT_PROBLEM.test(description)) {
    return { kind: "rejected", detail: `HTTP ${httpStatus}: the text was not accepted` };
  }
  const movedTo = fieldOf(fieldOf(body, "parameters"), "migrate_to_chat_id");
  const now = Number.isSafeInteger(movedTo) ? `; it is now ${movedTo}` : "";
  return { kind: "misconfigured", detail: `HTTP ${httpStatus}: the chat can't be written to${now}` };
}

/** Telegram tells in the body how long to wait. */
function waitOf({ retryAfterMs, body }: HttpAnswer): number | null {
  const seconds = fieldOf(fieldOf(body, "parameters"), "retry_after");
  return typeof seconds === "number" && seconds >= 0 && Number.isFinite(seconds) ? seconds * 1_000 : retryAfterMs;
}

function outcomeOf(answer: HttpAnswer): TelegramOutcome {
  const { httpStatus, body } = answer;
  const detail = `HTTP ${httpStatus}`;
  if (httpStatus >= 200 && httpStatus < 300) {
    return body?.ok === true ? { kind: "sent" } : { kind: "retry", afterMs: null, detail: `${detail}, no usable body` };
  }
  if (httpStatus === 429) return { kind: "retry", afterMs: waitOf(answer), detail };
  if (httpStatus >= 500 || WORTH_ANOTHER_TRY.has(httpStatus)) return { kind: "retry", afterMs: null, detail };
  if (ABOUT_THE_TEXT.has(httpStatus)) return refusalOf(httpStatus, body);
  return { kind: "misconfigured", detail };
}

function toRequest({ botToken, chatId, baseUrl }: TelegramConfig, { text, html }: TelegramText, signal: AbortSignal) {
  // Anything else could lead the request elsewhere.
  if (!/^[\w:-]{1,200}$/.test(botToken)) return null;
  const body = JSON.stringify({
    chat_id: chatId,
    text: html ? text.toWellFormed() : clipText(text, MAX_TELEGRAM_CHARS),
    ...(html && { parse_mode: "HTML" }),
    link_preview_options: { is_disabled: true },
  });
  const headers = { "Content-Type": "application/json" };
  try {
    const url = `${baseUrl.replace(/\/+$/, "")}/bot${botToken}/sendMessage`;
    return new Request(url, { method: "POST", headers, body, signal, redirect: "manual" });
  } catch {
    return null;
  }
}

/**
 * Telegram's Bot API (`sendMessage`, https://core.telegram.org/bots/api#sendmessage), asked once a call. The bot's token is
 * in the url, so errors of the network are never passed on, and redirects not followed.
 */
export function createTelegram(config: TelegramConfig, options: TelegramOptions = {}): Telegram {
  const { fetch = (request) => globalThis.fetch(request), timeoutMs = TIMEOUT_MS } = options;
  return {
    async send(text) {
      const controller = new AbortController();
      const { signal } = controller;
      const request = toRequest(config, text, signal);
      if (request === null) {
        return { kind: "misconfigured", detail: "no request can be made of the configured url and token" };
      }
      // Not a signal's own timeout: that would keep a Durable Object busy after the answer.
      const timer = setTimeout(() => controller.abort(), timeoutMs);
      try {
        return outcomeOf(await unlessAborted(fetch(request).then(readAnswer), signal));
      } catch {
        return { kind: "retry", afterMs: null, detail: signal.aborted ? "no answer in time" : "no answer" };
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
