import { type HttpFake, jsonAnswer, startHttpFake, type WireAnswer, type WireRequest } from "../http-fake.ts";
import { parseTelegramHtml } from "./fake-html.ts";

const MAX_CHARS = 4_096;
const KEPT_MESSAGES = 10_000;

/** A message as it was accepted. */
export interface TelegramMessage {
  readonly chatId: string;
  /** As it was sent. */
  readonly raw: string;
  /** As people see it. */
  readonly text: string;
  readonly html: boolean;
  /** When it came. Epoch ms. */
  readonly at: number;
}

/** What goes over the wire, one of Telegram's own refusals, or a redirect. */
export type TelegramAnswer =
  | WireAnswer
  | "redirect"
  | { readonly code: number; readonly description?: string; readonly parameters?: Readonly<Record<string, unknown>> };

export interface TelegramFakeOptions {
  readonly port?: number;
  readonly botToken?: string;
  /** The chat the bot is in, or those. */
  readonly chatId?: string | ((chatId: string) => boolean);
}

export interface TelegramFake extends HttpFake {
  readonly botToken: string;
  /** The accepted messages, oldest first. */
  messages(chatId?: string): readonly TelegramMessage[];
  /** How many requests came for a chat, accepted or not; those that name none are the empty one's. */
  attempts(chatId?: string): number;
  /** The answers to the next good requests for a chat, one each; a bad request gets the API's own error. */
  script(chatId: string, ...answers: readonly TelegramAnswer[]): void;
}

const WORDS: Readonly<Record<number, string>> = {
  400: "Bad Request: can't parse entities",
  401: "Unauthorized",
  403: "Forbidden: bot was kicked from the supergroup chat",
  404: "Not Found",
  429: "Too Many Requests: retry later",
  500: "Internal Server Error",
};

function refusal(code: number, description = WORDS[code] ?? "Error", parameters?: object): WireAnswer {
  return jsonAnswer(code, {
    ok: false,
    error_code: code,
    description,
    ...(parameters !== undefined && { parameters }),
  });
}

interface Sendable {
  readonly chatId: string;
  readonly raw: string;
  readonly text: string;
  readonly html: boolean;
}

const isSendable = (checked: Sendable | WireAnswer): checked is Sendable =>
  typeof checked === "object" && "chatId" in checked;

function chatOf(body: unknown): string {
  const id = typeof body === "object" && body !== null && "chat_id" in body ? body.chat_id : "";
  return typeof id === "string" || typeof id === "number" ? String(id) : "";
}

function checkText(chatId: string, text: unknown, parseMode: unknown): Sendable | WireAnswer {
  if (typeof text !== "string") return refusal(400, "Bad Request: message text is empty");
  if (!text.isWellFormed()) return refusal(400, "Bad Request: strings must be encoded in UTF-8");
  if (parseMode !== undefined && parseMode !== "HTML") return refusal(400, "Bad Request: unsupported parse_mode");
  const html = parseMode === "HTML";
  const parsed = html ? parseTelegramHtml(text) : { text };
  if ("problem" in parsed) return refusal(400, parsed.problem);
  const shown = parsed.text.trim();
  if (shown === "") return refusal(400, "Bad Request: message text is empty");
  if (shown.length > MAX_CHARS) return refusal(400, "Bad Request: message is too long");
  return { chatId, raw: text, text: shown, html };
}

function parseBody({ headers, body }: WireRequest): unknown {
  if (!/^application\/json(;|$)/i.test(headers["content-type"] ?? "")) return {};
  try {
    return JSON.parse(body);
  } catch {
    return {};
  }
}

/** What the fake remembers, and what it is told to do next, by chat. */
function createState() {
  const messages: TelegramMessage[] = [];
  const attempts = new Map<string, number>();
  const scripts = new Map<string, TelegramAnswer[]>();
  return {
    messages: (chatId?: string) => messages.filter((message) => chatId === undefined || message.chatId === chatId),
    attempts: (chatId?: string) =>
      chatId === undefined ? [...attempts.values()].reduce((sum, n) => sum + n, 0) : (attempts.get(chatId) ?? 0),
    attempted: (chatId: string) => void attempts.set(chatId, (attempts.get(chatId) ?? 0) + 1),
    next: (chatId: string) => scripts.get(chatId)?.shift(),
    script(chatId: string, ...answers: readonly TelegramAnswer[]) {
      scripts.set(chatId, [...(scripts.get(chatId) ?? []), ...answers]);
    },
    keep(message: Sendable) {
      messages.push({ ...message, at: Date.now() });
      if (messages.length > KEPT_MESSAGES) messages.shift();
      return messages.length;
    },
  };
}

type State = ReturnType<typeof createState>;

function scripted(answer: TelegramAnswer, url: string): WireAnswer {
  if (answer === "redirect") return { status: 302, headers: { Location: `${url}/__fake/landed` }, body: "" };
  if (typeof answer === "object" && "code" in answer) {
    return refusal(answer.code, answer.description, answer.parameters);
  }
  return answer;
}

/** `/__fake/chats/{id}`: the same over HTTP, for who has no hand on the process. */
function control(state: State, { method, path, body }: WireRequest): WireAnswer {
  // Who follows a redirect takes its message for sent.
  if (path === "/__fake/landed") return jsonAnswer(200, { ok: true, result: {} });
  const chatId = /^\/__fake\/chats\/([^/?]+)$/.exec(path)?.[1];
  if (chatId === undefined) return jsonAnswer(404, { error: "GET or POST /__fake/chats/{id}" });
  const chat = decodeURIComponent(chatId);
  if (method === "POST") state.script(chat, ...(JSON.parse(body) as TelegramAnswer[]));
  return jsonAnswer(200, { messages: state.messages(chat), attempts: state.attempts(chat) });
}

/** The Bot API's `sendMessage`, which checks what it gets as the real one does and keeps the messages. */
export async function startTelegramFake(options: TelegramFakeOptions = {}): Promise<TelegramFake> {
  const { port = 0, botToken = "7000000001:AAFakeTokenOfTheTelegramBot00000000" } = options;
  const { chatId: chat = "-1001234567890" } = options;
  const isChat = typeof chat === "string" ? (id: string) => id === chat : chat;
  const state = createState();
  const server = await startHttpFake(port, (request) => {
    if (request.path.startsWith("/__fake/")) return control(state, request);
    const body = parseBody(request);
    const chatId = chatOf(body);
    state.attempted(chatId);
    const called = /^\/bot([^/]*)\/(\w+)$/.exec(request.path);
    if (called === null || called[2]?.toLowerCase() !== "sendmessage") return refusal(404);
    if (called[1] !== botToken) return refusal(401);
    if (chatId === "") return refusal(400, "Bad Request: chat_id is empty");
    if (!isChat(chatId)) return refusal(400, "Bad Request: chat not found");
    const { text, parse_mode: parseMode } = body as Record<string, unknown>;
    const checked = checkText(chatId, text, parseMode);
    if (!isSendable(checked)) return checked;
    const answer = state.next(chatId);
    if (answer !== undefined) return scripted(answer, server.url);
    const messageId = state.keep(checked);
    return jsonAnswer(200, { ok: true, result: { message_id: messageId, chat: { id: chatId }, text: checked.text } });
  });
  const { messages, attempts, script } = state;
  return { ...server, botToken, messages, attempts, script };
}
