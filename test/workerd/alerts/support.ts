import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, inject, vi } from "vitest";
import type { RaisedAlert } from "../../../durable-objects/alert-desk/contract.ts";
import { AlertDesk } from "../../../durable-objects/index.ts";
import { parseConfig } from "../../../src/composition/config.ts";
import type { Config } from "../../../src/kernel/config.ts";
import { type Metrics, noMetrics } from "../../../src/ports/metrics.ts";
import { createTelegram, type Telegram, type TelegramConfig } from "../../../src/providers/telegram/telegram.ts";
import { bindings } from "../support/database.ts";

const fake = inject("telegramFake");
/** A message as the fake tells of it over HTTP, and what it can be told to answer. */
export interface TelegramMessage {
  readonly text: string;
  readonly html: boolean;
  readonly at: number;
}
export type TelegramAnswer =
  | ("hang" | "stall" | "reset" | "garbage" | "redirect")
  | { readonly code: number; readonly description?: string; readonly parameters?: object };

/** What an AlertDesk may be given by its Worker. */
interface Hooks {
  config(): Config;
  telegram(config: TelegramConfig): Telegram;
  metrics(): Metrics;
}

type DeskConfig = () => Config;

const configs = new Map<string, DeskConfig>();
/** By chat: how long a call may take, where it isn't ten seconds. */
const patience = new Map<string, number>();

export function configWith(telegram: TelegramConfig | null): Config {
  const config = parseConfig({ ENVIRONMENT: "production", LOG_FORMAT: "json" }, "tail");
  return { ...config, telemetry: { ...config.telemetry, telegram } };
}

/** For a test file: desks are configured as {@link newDesk} says, and what they log is kept in the array. */
export function desksOfTests(): readonly Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  beforeEach(() => {
    lines.length = 0;
    const hooks = AlertDesk.prototype as unknown as Hooks;
    vi.spyOn(hooks, "config").mockImplementation(function (this: unknown) {
      const { ctx } = this as { ctx: DurableObjectState };
      const config = configs.get(ctx.id.toString());
      return config ? config() : configWith(null);
    });
    vi.spyOn(hooks, "telegram").mockImplementation((config) => {
      const timeoutMs = patience.get(config.chatId);
      return createTelegram(config, timeoutMs === undefined ? {} : { timeoutMs });
    });
    // The recorder goes by the same clock, which stands still here, and keeps an object that is to be evicted busy.
    vi.spyOn(hooks, "metrics").mockReturnValue(noMetrics);
    vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(JSON.parse(line)));
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });
  return lines;
}

async function chatOnFake(chatId: string, script?: readonly TelegramAnswer[]) {
  const url = `${fake.url}/__fake/chats/${encodeURIComponent(chatId)}`;
  const response = await fetch(url, script === undefined ? {} : { method: "POST", body: JSON.stringify(script) });
  expect(response.status).toBe(200);
  return (await response.json()) as { messages: TelegramMessage[]; attempts: number };
}

let raised = 0;

export function anAlert(change: Partial<RaisedAlert> = {}): RaisedAlert {
  return {
    name: "circuit_opened",
    about: "gemini:a-model",
    what: "The circuit opened: failures",
    advice: "Look at the provider's status page",
    worker: "consumer",
    at: Date.now(),
    messageId: `message-${++raised}`,
    ...change,
  };
}

/** A desk of its own that tells a chat of its own. */
export function newDesk(change: Partial<TelegramConfig> = {}, name: string = crypto.randomUUID()) {
  const chatId = `-100${Math.floor(Math.random() * 1e12)}`;
  const telegram: TelegramConfig = { botToken: fake.botToken, chatId, baseUrl: fake.url, ...change };
  const id = bindings.ALERT_DESK.idFromName(name);
  /** A new one each time: one whose object has died is of no more use. */
  const stub = () => bindings.ALERT_DESK.get(id);
  const configure = (config: DeskConfig) => void configs.set(id.toString(), config);
  configure(() => configWith(telegram));
  return {
    get stub() {
      return stub();
    },
    telegram,
    configure,
    take: async (alert: Partial<RaisedAlert> = {}): Promise<void> => stub().take(anAlert(alert)),
    /** Waits so long for an answer; null: as usual. */
    waitFor: (ms: number | null) => void (ms === null ? patience.delete(chatId) : patience.set(chatId, ms)),
    /** Rings the alarm, whenever it is set for; false when none is set. */
    ring: () => runDurableObjectAlarm(stub()),
    alarmAt: () => runInDurableObject(stub(), (_, { storage }) => storage.getAlarm()),
    script: (...answers: readonly TelegramAnswer[]) => chatOnFake(chatId, answers),
    messages: async () => (await chatOnFake(chatId)).messages,
    attempts: async () => (await chatOnFake(chatId)).attempts,
    rows: () =>
      runInDurableObject(stub(), (_, { storage: { sql } }) => {
        const count = (table: string) => sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${table}`).one().n;
        return { matters: count("matters"), waiting: count("waiting"), seen: count("seen") };
      }),
  };
}

export type Desk = ReturnType<typeof newDesk>;
