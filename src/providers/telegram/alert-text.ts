import { clipText } from "../../kernel/clip-text.ts";
import type { Environment } from "../../kernel/config.ts";
import type { AlertName } from "../../ports/alerts.ts";
import { ALERT_CHARS } from "../../queues/messages.ts";
import type { TelegramText } from "./telegram.ts";

/** Whether somebody should get up, or look at it in the morning. */
export type Severity = "critical" | "warning";

/** What a message tells. Times are epoch ms. */
export interface AlertNote {
  /** `first`: it begins. `summary`: it went on for another ten minutes. */
  readonly kind: "first" | "summary";
  readonly name: AlertName;
  readonly about: string;
  /** Of the latest, where there are several. */
  readonly what: string;
  readonly advice: string;
  readonly worker: string;
  /** When the matter began. */
  readonly since: number;
  /** How many alerts this message stands for. */
  readonly count: number;
  /** How many there were since the matter began. */
  readonly total: number;
}

/** How many there were, of alerts that had no room one by one. */
export interface OtherAlerts {
  readonly kind: "others";
  readonly counts: Readonly<Partial<Record<AlertName, number>>>;
  readonly since: number;
}

const SIGN: Record<Severity, string> = { critical: "🔴", warning: "🟠" };

const IN_WORDS: Record<AlertName, string> = {
  circuit_opened: "A provider is left alone",
  dead_letter: "A message was given up on",
  budget_spent: "The day's budget is spent",
  hash_failures: "Passwords can't be checked",
  refresh_reuse: "Used refresh tokens are tried again",
  otp_pumping: "Codes are asked for and not entered",
  metrics_loss: "Metrics got lost",
  migration_mismatch: "Code and database don't fit together",
  invocation_cut_off: "Invocations are cut off",
};

function inWords(name: AlertName): string {
  return Object.hasOwn(IN_WORDS, name) ? IN_WORDS[name] : oneLine(name, ALERT_CHARS.about);
}

interface Span {
  readonly text: string;
  readonly mark?: "b" | "code";
}

type Line = readonly Span[];

/** Control, format and half characters, and what breaks lines. Joiners stay: Persian writes them. */
const UNSEEN = /(?!\u200c|\u200d)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Nothing in it can pass for a line of ours, or turn one around. */
function oneLine(text: string, maxChars: number): string {
  return clipText(text.replace(UNSEEN, " ").replace(/\s+/gu, " ").trim(), maxChars);
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function toHtml({ text, mark }: Span): string {
  const escaped = text.replace(/[&<>"]/g, (char) => ENTITIES[char] ?? char);
  return mark === undefined ? escaped : `<${mark}>${escaped}</${mark}>`;
}

/** A formatter made beforehand would cost every start of the api several milliseconds. */
const grouped = (count: number) => count.toLocaleString("en");
const times = (count: number, more = "") => `${grouped(count)} ${more}${count === 1 ? "time" : "times"}`;
const timeOf = (epochMs: number) => `${new Date(epochMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;

function alertLines(note: AlertNote, severity: Severity, environment: Environment): readonly Line[] {
  const { kind, name, about, what, advice, worker, since, count, total } = note;
  const again = kind === "summary" ? ", still" : "";
  const often = total === 1 ? "once" : times(total);
  return [
    [{ text: `${SIGN[severity]} ` }, { text: `${inWords(name)}${again}`, mark: "b" }],
    [{ text: oneLine(about, ALERT_CHARS.about), mark: "code" }],
    [],
    ...(kind === "summary" ? [[{ text: `${times(count, "more ")} in the last 10 minutes.` }]] : []),
    [{ text: oneLine(what, ALERT_CHARS.what) }],
    [],
    [{ text: "What to do: ", mark: "b" }, { text: oneLine(advice, ALERT_CHARS.advice) }],
    [],
    [{ text: `Since ${timeOf(since)}, ${often}${kind === "summary" ? " in all" : ""}` }],
    [{ text: `${oneLine(worker, 64)}, ${environment}` }],
  ];
}

function othersLines({ counts, since }: OtherAlerts, environment: Environment): readonly Line[] {
  const all = (Object.entries(counts) as [AlertName, number][]).sort(([, a], [, b]) => b - a);
  const total = all.reduce((sum, [, count]) => sum + count, 0);
  return [
    [{ text: "⚪ " }, { text: `And ${grouped(total)} other ${total === 1 ? "alert" : "alerts"}`, mark: "b" }],
    [],
    ...all.map(([name, count]) => [{ text: `${inWords(name)}: ${times(count)}` }]),
    [],
    [{ text: "What to do: ", mark: "b" }, { text: "look them up in the log; there were too many to tell each" }],
    [],
    [{ text: `Since ${timeOf(since)}` }],
    [{ text: environment }],
  ];
}

export interface AlertTextOptions {
  readonly severity: Severity;
  readonly environment: Environment;
  /** Without any marks. */
  readonly plain?: boolean;
}

/** The message for people: far shorter than Telegram allows, whatever the alert says. */
export function alertText(note: AlertNote | OtherAlerts, options: AlertTextOptions): TelegramText {
  const { severity, environment, plain = false } = options;
  const lines = note.kind === "others" ? othersLines(note, environment) : alertLines(note, severity, environment);
  // An empty mark would be none of Telegram's.
  const shown = lines.map((line) => line.filter(({ text }) => text !== ""));
  const text = shown.map((line) => line.map((span) => (plain ? span.text : toHtml(span))).join("")).join("\n");
  return { text, html: !plain };
}
