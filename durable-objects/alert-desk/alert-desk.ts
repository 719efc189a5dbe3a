import { DurableObject } from "cloudflare:workers";
import { configOf } from "../../src/composition/config.ts";
import { clipText } from "../../src/kernel/clip-text.ts";
import type { Config } from "../../src/kernel/config.ts";
import { describeError } from "../../src/kernel/describe-error.ts";
import { createLogger, type Logger } from "../../src/kernel/logger.ts";
import { type Metrics, noMetrics } from "../../src/ports/metrics.ts";
import { metricsRecorder } from "../../src/providers/cloudflare/metrics-recorder.ts";
import { alertText } from "../../src/providers/telegram/alert-text.ts";
import { createTelegram, type Telegram, type TelegramConfig } from "../../src/providers/telegram/telegram.ts";
import { ALERT_CHARS, MAX_ALERT_COUNT } from "../../src/queues/messages.ts";
import type { AlertDeskApi, RaisedAlert } from "./contract.ts";
import { advanced, beginSending, type Desk, handedOver, nextAlarmAt, putOff, type Step, taken, told } from "./desk.ts";
import type { Arriving } from "./matters.ts";
import type { Dropped, Tally, Waiting } from "./outbox.ts";
import { ruleOf } from "./rules.ts";
import { createTables, isNewMessage, loadDesk, nextPruneAt, pruneSeen, storeDesk } from "./store.ts";

const MAX_ID_CHARS = 200;
const MAX_WORKER_CHARS = 64;

type Note = Waiting["note"];

/**
 * Where alerts come together: it tells people of a matter once, then counts, and tells at the end of each ten minutes how
 * often it came. Everything is decided and stored in one synchronous turn, and what leaves waits until that is durable
 * (output gate); an alarm does the sending. Before a message leaves it is on record as on its way, so a death on the way
 * sends it twice at the worst. The clock is the object's.
 */
export class AlertDesk extends DurableObject implements AlertDeskApi {
  /** What is stored; null until it is first needed. */
  #desk: Desk | null = null;

  async take(alert: RaisedAlert): Promise<void> {
    const now = Date.now();
    this.#change(now, (desk) =>
      isNewMessage(this.#sql, clipText(alert.messageId, MAX_ID_CHARS), now)
        ? taken(desk, arriving(alert, now), now)
        : advanced(desk, now),
    );
  }

  override async alarm(): Promise<void> {
    this.#change(Date.now(), (desk) => advanced(desk, Date.now()));
    let config: Config;
    try {
      config = this.config();
    } catch (error) {
      const logger = createLogger({ level: "info", format: "json" }, { service: "tail" });
      logger.log("error", "alerts wait: the alert desk is not configured", { cause: describeError(error) });
      return this.#change(Date.now(), (desk) => ({ desk: putOff(desk, Date.now()), dropped: [] }));
    }
    const { telegram } = config.telemetry;
    if (telegram === null) this.#handOver(config);
    else await this.#send(config, this.telegram(telegram));
  }

  /** @throws {ConfigError} naming the variables that are bad. */
  protected config(): Config {
    return configOf(this.env as object, "tail");
  }

  protected telegram(config: TelegramConfig): Telegram {
    return createTelegram(config);
  }

  /** Where the desk counts what becomes of its messages; nowhere while the configuration is bad. */
  protected metrics(): Metrics {
    let config: Config;
    try {
      config = this.config();
    } catch {
      return noMetrics;
    }
    const { METRICS_SHARD: shards } = this.env as { readonly METRICS_SHARD: object };
    const options = { worker: "tail", ...config.telemetry.metrics };
    return metricsRecorder(shards, options).within(
      (task) => this.ctx.waitUntil(task),
      // That is told by whoever counts most; here nothing but this desk's own messages is counted.
      () => {},
    );
  }

  /** One message at a time, so that they arrive in order; the next alarm is set already. */
  async #send(config: Config, telegram: Telegram): Promise<void> {
    const begun = beginSending(this.#load(), Date.now());
    this.#change(Date.now(), () => ({ desk: begun.desk, dropped: [] }));
    if (begun.message === null) return;
    const { id, note, plain } = begun.message;
    const severity = note.kind === "others" ? "warning" : ruleOf(note.name).severity;
    const text = alertText(note, { severity, environment: config.environment, plain });
    const outcome = await telegram.send(text);
    this.#change(Date.now(), (desk) => told(desk, id, outcome, Date.now()));
    if (outcome.kind === "sent") return this.metrics().count("telemetry_items_total", SENT);
    const level = outcome.kind === "retry" ? "warn" : "error";
    this.#logger().log(level, "an alert could not be told", {
      ...fieldsOf(note),
      outcome: outcome.kind,
      detail: outcome.detail,
      ...(outcome.kind === "retry" && { retryAfterMs: outcome.afterMs }),
    });
  }

  /** Without a channel to people the log is where they look. */
  #handOver(config: Config): void {
    const { desk, notes } = handedOver(this.#load());
    this.#change(Date.now(), () => ({ desk, dropped: [] }));
    for (const note of notes) {
      this.#logger(config).log("error", "alert", fieldsOf(note));
      this.metrics().count("telemetry_items_total", { exporter: "log", outcome: "sent" });
    }
  }

  get #sql(): SqlStorage {
    return this.ctx.storage.sql;
  }

  /** Read once in an object's life in memory. */
  #load(): Desk {
    if (this.#desk === null) {
      createTables(this.#sql);
      this.#desk = loadDesk(this.#sql);
    }
    return this.#desk;
  }

  /** Decides and stores, and sets the alarm, all in one turn. What is in memory is what is stored, also after a failure. */
  #change(now: number, step: (desk: Desk) => Step): void {
    const before = this.#load();
    const { desk, dropped } = this.ctx.storage.transactionSync(() => {
      const next = step(before);
      storeDesk(this.#sql, before, next.desk);
      pruneSeen(this.#sql, now);
      return next;
    });
    this.#desk = desk;
    const next = Math.min(
      nextAlarmAt(desk) ?? Number.POSITIVE_INFINITY,
      nextPruneAt(this.#sql) ?? Number.POSITIVE_INFINITY,
    );
    if (next !== Number.POSITIVE_INFINITY) void this.ctx.storage.setAlarm(Math.max(next, now));
    for (const drop of dropped) this.#tellDropped(drop);
  }

  #tellDropped({ note, why }: Dropped): void {
    this.#logger().log("error", "alert", { ...fieldsOf(note), dropped: why });
    this.metrics().count("telemetry_items_total", DROPPED);
  }

  #logger(config?: Config): Logger {
    let log: Config["log"] = { level: "info", format: "json" };
    try {
      log = (config ?? this.config()).log;
    } catch {
      // Of a bad configuration the alarm tells.
    }
    return createLogger(log, { service: "tail" });
  }
}

const SENT = { exporter: "telegram", outcome: "sent" } as const;
const DROPPED = { exporter: "telegram", outcome: "dropped" } as const;

/** The alert within the desk's bounds, whoever sent it. */
function arriving({ name, about, what, advice, worker, at, count = 1 }: RaisedAlert, now: number): Arriving {
  return {
    name,
    about: clipText(about, ALERT_CHARS.about),
    what: clipText(what, ALERT_CHARS.what),
    advice: clipText(advice, ALERT_CHARS.advice),
    worker: clipText(worker, MAX_WORKER_CHARS),
    at: Number.isFinite(at) ? Math.max(0, at) : now,
    count: Number.isFinite(count) ? Math.min(Math.max(1, Math.floor(count)), MAX_ALERT_COUNT) : 1,
  };
}

function fieldsOf(note: Note) {
  if (note.kind === "others") return { alert: "others", ...countsOf(note) };
  const { kind, name, about, what, advice, worker, since, count } = note;
  return { alert: name, about, what, advice, count, kind, worker, since: new Date(since).toISOString() };
}

function countsOf({ counts, since }: Tally) {
  const all = Object.entries(counts);
  return {
    what: all.map(([name, count]) => `${name} ${count}`).join(", "),
    count: all.reduce((sum, [, count]) => sum + count, 0),
    since: new Date(since).toISOString(),
  };
}
