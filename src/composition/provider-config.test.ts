import { expect, it } from "vitest";
import { ConfigError } from "../kernel/config-error.ts";
import { parseConfig } from "./config.ts";

const BASE = { ENVIRONMENT: "production", JWT_SECRET: "x".repeat(32) };
const providersOf = (variables: Record<string, string>) => parseConfig({ ...BASE, ...variables }, "api").providers;

it("has the local engine alone where nothing else is set up", () => {
  const none = { gemini: null, workersAi: null, models: [], dailyBudgetMicros: null };
  const local = { default: "local", available: ["local"], ...none };
  expect(providersOf({})).toEqual(local);
  expect(providersOf({ GEMINI_API_KEY: "" })).toEqual(local);
});

it("prefers Gemini once there is a key, by the model that is configured for the kind", () => {
  const providers = providersOf({ GEMINI_API_KEY: "k", GEMINI_MODEL: "a", GEMINI_MODEL_TRYON: "b" });
  expect(providers).toMatchObject({ default: "gemini", available: ["gemini", "local"] });
  expect(providers.gemini?.models).toEqual({ style: "a", tryon: "b" });
  expect(providersOf({ GEMINI_API_KEY: "k" }).gemini).toMatchObject({
    baseUrl: "https://generativelanguage.googleapis.com",
    models: { style: "gemini-3.1-flash-image", tryon: "gemini-3.1-flash-image" },
    prices: null,
  });
});

it("offers what PROVIDERS names, in its order, whether or not this Worker has the key", () => {
  const api = providersOf({ PROVIDERS: "workers-ai, gemini,local,gemini" });
  expect(api).toMatchObject({ default: "workers-ai", available: ["workers-ai", "gemini", "local"], gemini: null });
  expect(api.workersAi).toEqual({ model: "@cf/black-forest-labs/flux-2-klein-9b", gateway: null, priceMicros: 19_000 });
  expect(providersOf({ PROVIDERS: "local", GEMINI_API_KEY: "k" })).toMatchObject({
    available: ["local"],
    gemini: null,
  });
});

it("names each model once that calls may go to, whether or not this Worker has the key", () => {
  const gemini = { provider: "gemini", model: "gemini-3.1-flash-image" };
  expect(providersOf({ GEMINI_API_KEY: "k" }).models).toEqual([gemini]);
  expect(providersOf({ PROVIDERS: "gemini,local" }).models).toEqual([gemini]);
  expect(
    providersOf({ PROVIDERS: "workers-ai,gemini", GEMINI_MODEL_STYLE: "a", WORKERS_AI_MODEL: "@cf/x/y" }).models,
  ).toEqual([{ provider: "gemini", model: "a" }, gemini, { provider: "workers-ai", model: "@cf/x/y" }]);
  expect(providersOf({ PROVIDERS: "local", GEMINI_API_KEY: "k" }).models).toEqual([]);
});

it("reads amounts of dollars exactly, as millionths", () => {
  const providers = providersOf({
    GEMINI_API_KEY: "k",
    PROVIDER_DAILY_BUDGET: "12.34",
    GEMINI_PRICES: "0.5,3,60.000001",
  });
  expect(providers.dailyBudgetMicros).toBe(12_340_000);
  expect(providers.gemini?.prices).toEqual({ inputMicros: 500_000, outputMicros: 3_000_000, imageMicros: 60_000_001 });
});

it.each([
  { PROVIDERS: "gemini,dall-e" },
  { PROVIDERS: "," },
  { PROVIDER_DAILY_BUDGET: "-1" },
  { PROVIDER_DAILY_BUDGET: "12,34" },
  { GEMINI_PRICES: "1,2" },
  { GEMINI_MODEL: "a model" },
  { GEMINI_BASE_URL: "ftp://example.com" },
])("refuses %j", (variables) => {
  expect(() => providersOf(variables)).toThrow(ConfigError);
});
