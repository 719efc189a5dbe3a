import type { TelemetryConfig } from "../kernel/config.ts";
import { TELEGRAM_BASE_URL } from "../providers/telegram/telegram.ts";

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
