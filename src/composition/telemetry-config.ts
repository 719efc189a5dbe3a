import { z } from "zod";
import type { TelemetryConfig } from "../kernel/config.ts";
import { isSentryDsn } from "../providers/sentry/sentry-dsn.ts";
import { TELEGRAM_BASE_URL } from "../providers/telegram/telegram.ts";
import { duration, httpUrl, integer, list } from "./variable-types.ts";

/** A share from 0 to 1. */
const share = z
  .string()
  .regex(/^(0(\.\d{1,6})?|1(\.0{1,6})?)$/, "must be a number from 0 to 1")
  .transform(Number);

/** Samples are to be visible within 15 s, and an invocation goes on trying for 20 of its last 30 s. */
const windowDuration = duration.refine((ms) => ms <= 10_000, "must be at most 10s");

/** Where pushes go; a path is added, and what a url may hold beside one would be lost or refused. */
const pushUrl = httpUrl.refine((text) => {
  // Told of by the rule before.
  if (!URL.canParse(text)) return true;
  const { username, password, search, hash } = new URL(text);
  return `${username}${password}${search}${hash}` === "";
}, "must have no user, password, query or fragment");

/** What a header may hold (RFC 9110), in ASCII. */
const headerValue = z.string().regex(/^[\x21-\x7e]([\x20-\x7e]{0,2000}[\x21-\x7e])?$/, "must be printable ASCII");
/** Set by whoever sends the request. */
const TAKEN_HEADERS = /^(connection|content-\w+|host|transfer-encoding|__proto__)=/i;

/** `name=value` pairs, as OpenTelemetry writes them. */
const headerList = list
  .pipe(
    z.array(
      z
        .string()
        .regex(/^[\w-]{1,64}=[\x21-\x7e][\x20-\x7e]{0,1000}$/, "must list name=value pairs in printable ASCII")
        .refine((pair) => !TAKEN_HEADERS.test(pair), "must name no header of the connection or the content"),
    ),
  )
  .transform((pairs) =>
    Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)])),
  );

export const telemetryVariables = {
  // What a bearer token may be made of: others could never be sent.
  METRICS_TOKEN: z
    .string()
    .regex(/^[\w.~+/-]{16,}=*$/, "must have at least 16 characters: letters, digits, - . _ ~ + /")
    .optional(),
  METRICS_WINDOW: windowDuration.prefault("5s"),
  METRICS_SHARDS: integer(1, 64).prefault("4"),
  SENTRY_DSN: z.string().refine(isSentryDsn, "must be a DSN: https://<key>@<host>/<project>").optional(),
  SENTRY_SAMPLE_RATE: share.prefault("1"),
  TELEGRAM_BOT_TOKEN: z
    .string()
    .regex(/^\d{1,20}:[\w-]{10,100}$/, "must be a bot's token, such as 123456:ABC…")
    .optional(),
  TELEGRAM_CHAT_ID: z
    .string()
    .regex(/^(-?\d{1,20}|@\w{4,64})$/, "must be a chat's id, such as -1001234567890, or its @name")
    .optional(),
  TELEGRAM_BASE_URL: pushUrl.optional(),
  LOKI_URL: pushUrl.optional(),
  LOKI_AUTHORIZATION: headerValue.optional(),
  OTLP_ENDPOINT: pushUrl.optional(),
  OTLP_HEADERS: headerList.prefault(""),
};

interface TelemetryVariables {
  readonly METRICS_TOKEN?: string | undefined;
  readonly METRICS_WINDOW: number;
  readonly METRICS_SHARDS: number;
  readonly SENTRY_DSN?: string | undefined;
  readonly SENTRY_SAMPLE_RATE: number;
  readonly TELEGRAM_BOT_TOKEN?: string | undefined;
  readonly TELEGRAM_CHAT_ID?: string | undefined;
  readonly TELEGRAM_BASE_URL?: string | undefined;
  readonly LOKI_URL?: string | undefined;
  readonly LOKI_AUTHORIZATION?: string | undefined;
  readonly OTLP_ENDPOINT?: string | undefined;
  readonly OTLP_HEADERS: Readonly<Record<string, string>>;
}

export function toTelemetry(v: TelemetryVariables): TelemetryConfig {
  const { TELEGRAM_BOT_TOKEN: botToken, TELEGRAM_CHAT_ID: chatId } = v;
  return {
    metrics: { windowMs: v.METRICS_WINDOW, shards: v.METRICS_SHARDS, token: v.METRICS_TOKEN ?? null },
    sentry: v.SENTRY_DSN === undefined ? null : { dsn: v.SENTRY_DSN, sampleRate: v.SENTRY_SAMPLE_RATE },
    telegram: botToken && chatId ? { botToken, chatId, baseUrl: v.TELEGRAM_BASE_URL ?? TELEGRAM_BASE_URL } : null,
    loki: v.LOKI_URL === undefined ? null : { url: v.LOKI_URL, authorization: v.LOKI_AUTHORIZATION ?? null },
    otlp: v.OTLP_ENDPOINT === undefined ? null : { url: v.OTLP_ENDPOINT, headers: v.OTLP_HEADERS },
  };
}
