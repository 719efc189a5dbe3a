import { jsonAnswer, type WireResponse } from "../http-fake.ts";

const TYPES = "type.googleapis.com/google.rpc.";

export interface GoogleErrorDetail {
  readonly "@type": string;
  readonly [field: string]: unknown;
}

function detail(type: string, fields: Record<string, unknown>): GoogleErrorDetail {
  return { "@type": `${TYPES}${type}`, ...fields };
}

/** An error as Google's APIs write it. */
export function googleError(
  code: number,
  status: string,
  message: string,
  details: readonly GoogleErrorDetail[] = [],
): WireResponse {
  return jsonAnswer(code, { error: { code, message, status, ...(details.length > 0 && { details }) } });
}

export function invalidArgument(message: string, field?: string): WireResponse {
  const details =
    field === undefined ? [] : [detail("BadRequest", { fieldViolations: [{ field, description: message }] })];
  return googleError(400, "INVALID_ARGUMENT", message, details);
}

export function apiKeyInvalid(): WireResponse {
  return googleError(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", [
    detail("ErrorInfo", {
      reason: "API_KEY_INVALID",
      domain: "googleapis.com",
      metadata: { service: "generativelanguage.googleapis.com" },
    }),
    detail("LocalizedMessage", { locale: "en-US", message: "API key not valid. Please pass a valid API key." }),
  ]);
}

export function forbidden(): WireResponse {
  return googleError(
    403,
    "PERMISSION_DENIED",
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.",
  );
}

export function modelNotFound(model: string): WireResponse {
  return googleError(
    404,
    "NOT_FOUND",
    `models/${model} is not found for API version v1beta, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods.`,
  );
}

/** A spent quota; `retryDelay` in protobuf's JSON, such as `37s`. */
export function quotaFailure(model: string, per: "Minute" | "Day", retryDelay: string | null): WireResponse {
  const metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests";
  const message = `You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.\n* Quota exceeded for metric: ${metric}, limit: 10, model: ${model}`;
  return googleError(429, "RESOURCE_EXHAUSTED", retryDelay ? `${message}\nPlease retry in ${retryDelay}.` : message, [
    detail("Help", {
      links: [
        {
          description: "Learn more about Gemini API quotas",
          url: "https://ai.google.dev/gemini-api/docs/rate-limits",
        },
      ],
    }),
    detail("QuotaFailure", {
      violations: [
        {
          quotaMetric: metric,
          quotaId: `GenerateRequestsPer${per}PerProjectPerModel-FreeTier`,
          quotaDimensions: { location: "global", model },
          quotaValue: "10",
        },
      ],
    }),
    ...(retryDelay === null ? [] : [detail("RetryInfo", { retryDelay })]),
  ]);
}
