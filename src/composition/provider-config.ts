import type { Config, GeminiConfig, TokenPrices } from "../kernel/config.ts";
import type { ProviderId } from "../ports/image-generator.ts";

/** Where Google answers; an AI Gateway's url ends in `/google-ai-studio`. */
const GEMINI_BASE_URL = "https://generativelanguage.googleapis.com";

interface ProviderVariables {
  readonly PROVIDERS?: readonly ProviderId[] | undefined;
  readonly GEMINI_API_KEY?: string | undefined;
  readonly GEMINI_BASE_URL?: string | undefined;
  readonly GEMINI_MODEL: string;
  readonly GEMINI_MODEL_STYLE?: string | undefined;
  readonly GEMINI_MODEL_TRYON?: string | undefined;
  readonly GEMINI_PRICES?: readonly [number, number, number] | undefined;
  readonly AI_GATEWAY_TOKEN?: string | undefined;
  readonly WORKERS_AI_MODEL: string;
  readonly WORKERS_AI_GATEWAY?: string | undefined;
  readonly WORKERS_AI_PRICE: number;
  readonly PROVIDER_DAILY_BUDGET?: number | undefined;
}

function pricesOf(prices: readonly [number, number, number] | undefined): TokenPrices | null {
  if (prices === undefined) return null;
  const [inputMicros, outputMicros, imageMicros] = prices;
  return { inputMicros, outputMicros, imageMicros };
}

function geminiModels(v: ProviderVariables): GeminiConfig["models"] {
  return { style: v.GEMINI_MODEL_STYLE ?? v.GEMINI_MODEL, tryon: v.GEMINI_MODEL_TRYON ?? v.GEMINI_MODEL };
}

function toGemini(v: ProviderVariables): GeminiConfig | null {
  if (v.GEMINI_API_KEY === undefined) return null;
  return {
    apiKey: v.GEMINI_API_KEY,
    baseUrl: (v.GEMINI_BASE_URL ?? GEMINI_BASE_URL).replace(/\/+$/, ""),
    gatewayToken: v.AI_GATEWAY_TOKEN ?? null,
    models: geminiModels(v),
    prices: pricesOf(v.GEMINI_PRICES),
  };
}

function modelsOf(v: ProviderVariables, available: readonly ProviderId[]): Config["providers"]["models"] {
  const { style, tryon } = geminiModels(v);
  const models: Config["providers"]["models"] = [
    ...[...new Set([style, tryon])].map((model) => ({ provider: "gemini" as const, model })),
    { provider: "workers-ai", model: v.WORKERS_AI_MODEL },
  ];
  return models.filter(({ provider }) => available.includes(provider));
}

/**
 * Which providers there are. The api needs no key to offer one: `PROVIDERS` names them where only the consumer has
 * the secret.
 */
export function toProviders(v: ProviderVariables): Config["providers"] {
  const gemini = toGemini(v);
  const usual: readonly ProviderId[] = gemini === null ? ["local"] : ["gemini", "local"];
  const available = [...new Set(v.PROVIDERS ?? usual)];
  return {
    default: available[0] ?? "local",
    available,
    gemini: available.includes("gemini") ? gemini : null,
    workersAi: available.includes("workers-ai")
      ? { model: v.WORKERS_AI_MODEL, gateway: v.WORKERS_AI_GATEWAY ?? null, priceMicros: v.WORKERS_AI_PRICE }
      : null,
    models: modelsOf(v, available),
    dailyBudgetMicros: v.PROVIDER_DAILY_BUDGET ?? null,
  };
}
