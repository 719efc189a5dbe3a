/** From users and conversions to a month's use of everything, and to its price. */
import { parseConfig } from "../../src/composition/config.ts";
import type { Assumptions } from "./assumptions.ts";
import type { Measured, OperationId } from "./measured.ts";
import { type Bill, dollarsFor, GIGABYTE, PLAN, PRICES, type Price, type PriceId, pictureDollars } from "./prices.ts";
import { COUNTED_NAMES, type Usage } from "./usage.ts";

export const MONTH_SECONDS = 30 * 24 * 60 * 60;
const MINUTES = MONTH_SECONDS / 60;
/** Of a Durable Object, whatever it uses. */
const OBJECT_GB = 0.128;
/** For how long the platform keeps logs and traces. */
const LOG_MONTHS = 7 / 30;

export interface Question {
  /** Active in the month. */
  readonly users: number;
  /** Of all users, in the month. */
  readonly conversions: number;
}

/** How often each operation is done in the month. */
export type Mix = Readonly<Record<OperationId, number>>;
/** Sums over the month. */
export type Total = Omit<Usage, "cpuMs"> & { readonly cpuMs: number };

export function mixOf({ users, conversions }: Question, a: Assumptions): Mix {
  const uploads = conversions * a.uploads;
  const local = a.provider === "local";
  const jobs = (isLarge: boolean) => conversions * (isLarge ? a.largePhotos : 1 - a.largePhotos);
  return {
    signUp: users * a.signUpShare,
    login: users * a.logins,
    refresh: users * a.refreshes,
    upload: uploads * (1 - a.largePhotos),
    uploadLarge: uploads * a.largePhotos,
    create: conversions,
    jobLocal: local ? jobs(false) : 0,
    jobLocalLarge: local ? jobs(true) : 0,
    jobGemini: local ? 0 : jobs(false),
    jobGeminiLarge: local ? 0 : jobs(true),
    poll: conversions * a.polls,
    list: users * a.lists,
    usage: users * a.usageReads,
    download: conversions * a.downloads,
    downloadThumbnail: conversions * a.thumbnails,
    deleteConversion: conversions * a.deletes,
    deleteImage: 0,
    // In the end of all photos, and of all results that their users have left.
    retention: uploads + conversions * (1 - a.deletes),
    scrape: MINUTES * a.scrapesPerMinute,
    minute: MINUTES,
  };
}

function totalOf(measured: Measured, mix: Mix): Total {
  const operations = Object.entries(mix) as [OperationId, number][];
  const sum = (value: (usage: Usage) => number) =>
    operations.reduce((total, [id, times]) => total + times * value(measured.operations[id]), 0);
  const counted = COUNTED_NAMES.map((name) => [name, sum((usage) => usage[name])] as const);
  return {
    ...(Object.fromEntries(counted) as Omit<Total, "cpuMs">),
    objectMs: sum(({ objectMs }) => objectMs),
    bytesIn: sum(({ bytesIn }) => bytesIn),
    bytesOut: sum(({ bytesOut }) => bytesOut),
    d1Bytes: sum(({ d1Bytes }) => d1Bytes),
    cpuMs: sum(({ cpuMs }) => Object.values(cpuMs).reduce((ms, more) => ms + more, 0)),
  };
}

/** Of the metrics, as configured by default. */
const METRICS = parseConfig({ ENVIRONMENT: "production" }, "tail").telemetry.metrics;
export const { shards: SHARDS } = METRICS;

/** Batches of metrics: each busy isolate sends one a window, and none without an invocation. */
function flushesOf(invocations: number, { isolateRequests }: Assumptions): number {
  const perSecond = invocations / MONTH_SECONDS;
  const isolates = Math.max(1, perSecond / isolateRequests);
  return MONTH_SECONDS * Math.min(perSecond, (isolates * 1_000) / METRICS.windowMs);
}

export interface Month {
  readonly mix: Mix;
  readonly total: Total;
  readonly flushes: number;
  readonly bill: Bill;
  /** Bytes in D1 of those who were users before, and those that a month adds. */
  readonly d1: { readonly usersBytes: number; readonly monthlyBytes: number };
}

export function monthOf(measured: Measured, question: Question, a: Assumptions): Month {
  const mix = mixOf(question, a);
  const total = totalOf(measured, mix);
  const flushes = flushesOf(total.requests + total.tails, a);
  const { flush, sessionBytes, operations } = measured;
  const objectRequests = total.objectRequests + flushes * flush.objectRequests;
  const objectSeconds = (total.objectMs + objectRequests * a.objectWaitMs) / 1_000;
  const logBytes =
    total.logBytes + total.logEvents * a.logEnvelope + total.invocationLogs * a.invocationLog + total.spans * a.span;
  const usersBytes = (question.users - mix.signUp) * operations.signUp.d1Bytes;
  // Whoever signed up in the service's months is in what these add already.
  const signUpBytes = a.ageMonths * mix.signUp * operations.signUp.d1Bytes;
  const olderBytes = Math.max(0, question.users * operations.signUp.d1Bytes - signUpBytes);
  const bill: Bill = {
    requests: total.requests,
    cpuMs: total.cpuMs,
    objectRequests,
    objectGbSeconds: objectSeconds * OBJECT_GB,
    objectRowsRead: total.objectRowsRead + flushes * flush.objectRowsRead,
    objectRowsWritten: total.objectRowsWritten + flushes * flush.objectRowsWritten,
    objectBytes: question.users * sessionBytes,
    d1RowsRead: total.d1RowsRead,
    d1RowsWritten: total.d1RowsWritten,
    d1Bytes: olderBytes + a.ageMonths * total.d1Bytes,
    r2Bytes: total.r2BytesWritten * a.retentionMonths,
    r2ClassA: total.r2ClassA,
    r2ClassB: total.r2ClassB,
    queueOperations: total.queueOperations,
    logBytes,
    logStorage: logBytes * LOG_MONTHS,
    transformations: total.transformations,
    analyticsPoints: total.analyticsPoints,
  };
  return { mix, total, flushes, bill, d1: { usersBytes, monthlyBytes: total.d1Bytes } };
}

export interface Line {
  readonly product: string;
  readonly line: string;
  readonly unit: string;
  readonly amount: number;
  readonly dollars: number;
  readonly isAnnounced: boolean;
}

export interface Invoice {
  readonly lines: readonly Line[];
  /** A month, without what is only announced. */
  readonly dollars: number;
}

export function invoiceOf({ bill, mix }: Pick<Month, "bill" | "mix">, { provider, smsDollars }: Assumptions): Invoice {
  const priced = (Object.entries(PRICES) as [PriceId, Price][]).map(([id, price]) => {
    const { product, line, unit, isAnnounced = false } = price;
    return { product, line, unit, amount: bill[id], dollars: dollarsFor(price, bill[id]), isAnnounced };
  });
  const plain = (product: string, line: string, unit: string, amount: number, each: number): Line => {
    return { product, line, unit, amount, dollars: amount * each, isAnnounced: false };
  };
  const lines = [
    plain("Workers", "plan", "month", 1, PLAN.dollars),
    ...priced,
    plain("Provider", provider, "pictures", mix.create, pictureDollars(provider)),
    plain("SMS", "codes", "messages", mix.signUp, smsDollars),
  ];
  const asked = lines.filter(({ isAnnounced }) => !isAnnounced);
  return { lines, dollars: asked.reduce((sum, { dollars }) => sum + dollars, 0) };
}

export const gigabytes = (bytes: number) => bytes / GIGABYTE;
