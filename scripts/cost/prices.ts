/** What the platform asks, as published for the Workers Paid plan, in US dollars. */
import { parseConfig } from "../../src/composition/config.ts";
import { pricesFor } from "../../src/providers/gemini/prices.ts";

const MILLION = 1e6;
export const GIGABYTE = 1e9;

/** So much a month is in the plan; each further `per` units cost `dollars`. */
export interface Price {
  readonly product: string;
  readonly line: string;
  readonly unit: string;
  readonly included: number;
  readonly dollars: number;
  readonly per: number;
  readonly source: string;
  /** Of the text it was read in. */
  readonly readOn: string;
  /** Published, and not asked for yet: told apart from the bill. */
  readonly isAnnounced?: true;
}

const DOCS = "https://developers.cloudflare.com";
const WORKERS = `${DOCS}/workers/platform/pricing/`;
const OBJECTS = `${DOCS}/durable-objects/platform/pricing/`;
const D1 = `${DOCS}/d1/platform/pricing/`;
const R2 = `${DOCS}/r2/pricing/`;
const OBSERVABILITY = `${DOCS}/observability/pricing/`;
const READ_ON = "2026-11-30";

type Rest = Pick<Price, "unit" | "included" | "dollars" | "per" | "source">;

function price(product: string, line: string, rest: Rest): Price {
  return { product, line, readOn: READ_ON, ...rest };
}

export const PLAN = { dollars: 5, source: WORKERS, readOn: READ_ON } as const;

export const PRICES = {
  requests: price("Workers", "requests", {
    unit: "requests",
    included: 10 * MILLION,
    dollars: 0.3,
    per: MILLION,
    source: WORKERS,
  }),
  cpuMs: price("Workers", "CPU time", {
    unit: "ms",
    included: 30 * MILLION,
    dollars: 0.02,
    per: MILLION,
    source: WORKERS,
  }),
  objectRequests: price("Durable Objects", "requests", {
    unit: "requests",
    included: MILLION,
    dollars: 0.15,
    per: MILLION,
    source: OBJECTS,
  }),
  objectGbSeconds: price("Durable Objects", "duration", {
    unit: "GB-s",
    included: 400_000,
    dollars: 12.5,
    per: MILLION,
    source: OBJECTS,
  }),
  objectRowsRead: price("Durable Objects", "rows read", {
    unit: "rows",
    included: 25_000 * MILLION,
    dollars: 0.001,
    per: MILLION,
    source: OBJECTS,
  }),
  objectRowsWritten: price("Durable Objects", "rows written", {
    unit: "rows",
    included: 50 * MILLION,
    dollars: 1,
    per: MILLION,
    source: OBJECTS,
  }),
  objectBytes: price("Durable Objects", "storage", {
    unit: "bytes",
    included: 5 * GIGABYTE,
    dollars: 0.2,
    per: GIGABYTE,
    source: OBJECTS,
  }),
  d1RowsRead: price("D1", "rows read", {
    unit: "rows",
    included: 25_000 * MILLION,
    dollars: 0.001,
    per: MILLION,
    source: D1,
  }),
  d1RowsWritten: price("D1", "rows written", {
    unit: "rows",
    included: 50 * MILLION,
    dollars: 1,
    per: MILLION,
    source: D1,
  }),
  d1Bytes: price("D1", "storage", { unit: "bytes", included: 5 * GIGABYTE, dollars: 0.75, per: GIGABYTE, source: D1 }),
  r2Bytes: price("R2", "storage", {
    unit: "bytes",
    included: 10 * GIGABYTE,
    dollars: 0.015,
    per: GIGABYTE,
    source: R2,
  }),
  r2ClassA: price("R2", "class A", { unit: "operations", included: MILLION, dollars: 4.5, per: MILLION, source: R2 }),
  r2ClassB: price("R2", "class B", {
    unit: "operations",
    included: 10 * MILLION,
    dollars: 0.36,
    per: MILLION,
    source: R2,
  }),
  queueOperations: price("Queues", "operations", {
    unit: "operations",
    included: MILLION,
    dollars: 0.4,
    per: MILLION,
    source: `${DOCS}/queues/platform/pricing/`,
  }),
  logBytes: price("Logs and traces", "ingestion", {
    unit: "bytes",
    included: 50 * GIGABYTE,
    dollars: 0.25,
    per: GIGABYTE,
    source: OBSERVABILITY,
  }),
  logStorage: price("Logs and traces", "storage", {
    unit: "bytes",
    included: 12 * GIGABYTE,
    dollars: 0.1,
    per: GIGABYTE,
    source: OBSERVABILITY,
  }),
  transformations: price("Images", "transformations", {
    unit: "transformations",
    included: 5_000,
    dollars: 0.5,
    per: 1_000,
    source: `${DOCS}/images/pricing/`,
  }),
  analyticsPoints: {
    ...price("Analytics Engine", "data points", {
      unit: "points",
      included: 10 * MILLION,
      dollars: 0.25,
      per: MILLION,
      source: `${DOCS}/analytics/analytics-engine/pricing/`,
    }),
    isAnnounced: true,
  },
} as const satisfies Record<string, Price>;

export type PriceId = keyof typeof PRICES;
/** A month's use of all that has a price. */
export type Bill = Readonly<Record<PriceId, number>>;

/** What `amount` units cost in a month, in dollars. */
export function dollarsFor({ included, dollars, per }: Price, amount: number): number {
  return (Math.max(0, amount - included) / per) * dollars;
}

export const PROVIDERS = ["local", "gemini", "workers-ai"] as const;
export type Provider = (typeof PROVIDERS)[number];

/** Of a picture of 1K by Gemini, its prompt with one or two pictures, and the words around it. */
const GEMINI_TOKENS = { prompt: 700, image: 1_120, text: 90 };

/** What a picture costs at whoever makes it, in dollars, by the service's own tables of prices. */
export function pictureDollars(provider: Provider): number {
  if (provider === "local") return 0;
  const environment = { ENVIRONMENT: "production", PROVIDERS: provider, GEMINI_API_KEY: "none" };
  const { gemini, workersAi } = parseConfig(environment, "consumer").providers;
  if (provider === "workers-ai") return (workersAi?.priceMicros ?? 0) / MILLION;
  const { inputMicros, imageMicros, outputMicros } = pricesFor(gemini?.models.style ?? "", null);
  const { prompt, image, text } = GEMINI_TOKENS;
  return (prompt * inputMicros + image * imageMicros + text * outputMicros) / MILLION / MILLION;
}
