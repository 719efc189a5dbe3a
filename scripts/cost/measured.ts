/** What was measured last, as it is kept in `measured.json`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Counted, Usage } from "./usage.ts";

export const OPERATIONS = {
  signUp: "sign up: code, proof, account",
  login: "log in by password",
  refresh: "refresh a session",
  upload: "upload a photo of 1 MP",
  uploadLarge: "upload a photo of 12 MP",
  create: "ask for a conversion",
  jobLocal: "its job, local engine, 1 MP",
  jobLocalLarge: "its job, local engine, 12 MP",
  jobGemini: "its job, AI provider, 1 MP",
  jobGeminiLarge: "its job, AI provider, 12 MP",
  poll: "look at a conversion",
  list: "list conversions",
  usage: "look at the quota",
  download: "download a result",
  downloadThumbnail: "download a thumbnail",
  deleteConversion: "delete a conversion",
  deleteImage: "delete a photo",
  retention: "a picture's time is over",
  scrape: "a scrape of the metrics",
  minute: "a minute's sweeps, with nothing to do",
} as const;
export type OperationId = keyof typeof OPERATIONS;

export interface Measured {
  /** The day, `2026-11-30`. */
  readonly on: string;
  readonly machine: string;
  readonly operations: Readonly<Record<OperationId, Usage>>;
  /** One batch of metrics from one isolate; rows on average. */
  readonly flush: Pick<Counted, "objectRequests" | "objectRowsRead" | "objectRowsWritten">;
  /** What a user's sessions take in their Durable Object. */
  readonly sessionBytes: number;
}

const FILE = join(import.meta.dirname, "measured.json");

export function readMeasured(): Measured {
  return JSON.parse(readFileSync(FILE, "utf8")) as Measured;
}

export function writeMeasured(measured: Measured): void {
  writeFileSync(FILE, `${JSON.stringify(measured, null, 2)}\n`);
}
