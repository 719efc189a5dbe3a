/** What can't be measured before there are users: how they behave, and what the platform adds. */
import type { Provider } from "./prices.ts";

export interface Assumptions {
  readonly provider: Provider;
  /** The part of a month's users who sign up in it. */
  readonly signUpShare: number;
  /** A month, each user. */
  readonly logins: number;
  readonly refreshes: number;
  readonly lists: number;
  readonly usageReads: number;
  /** Each conversion. */
  readonly uploads: number;
  readonly polls: number;
  readonly downloads: number;
  readonly thumbnails: number;
  readonly deletes: number;
  /** The part of photos that come as a telephone makes them, of 12 MP; the others have 1. */
  readonly largePhotos: number;
  /** How long pictures are kept, 30 days in the free plan; the bill is that of a month in which old ones are removed. */
  readonly retentionMonths: number;
  /** How old the service is: rows of conversions and users stay. */
  readonly ageMonths: number;
  readonly scrapesPerMinute: number;
  /** The busiest minute beside the average one. */
  readonly peak: number;
  /** How many requests a second an isolate gets where there are enough: the metrics go in batches from each. */
  readonly isolateRequests: number;
  /** What a Durable Object waits for, beside what was measured: its writes must be safe in other places. Ms. */
  readonly objectWaitMs: number;
  /** What the platform adds to a line of the log, what it logs of an invocation, and a span. Bytes. */
  readonly logEnvelope: number;
  readonly invocationLog: number;
  readonly span: number;
  /** How many seconds a call of an AI provider takes. */
  readonly providerSeconds: number;
  /** What a text message costs, in dollars. */
  readonly smsDollars: number;
}

export const ASSUMPTIONS: Assumptions = {
  provider: "local",
  signUpShare: 0.1,
  logins: 2,
  refreshes: 20,
  lists: 4,
  usageReads: 4,
  uploads: 1,
  polls: 5,
  downloads: 1,
  thumbnails: 3,
  deletes: 0.05,
  largePhotos: 0.7,
  retentionMonths: 1,
  ageMonths: 12,
  scrapesPerMinute: 4,
  peak: 3,
  isolateRequests: 2,
  objectWaitMs: 10,
  logEnvelope: 1_000,
  invocationLog: 2_000,
  span: 700,
  providerSeconds: 12,
  smsDollars: 0,
};

/** What is told of each by `--help` and by the document; the flag is its name in kebab-case. */
export const MEANING: Readonly<Record<keyof Assumptions, string>> = {
  provider: "who makes the pictures: local, gemini or workers-ai",
  signUpShare: "part of the month's users who sign up in it",
  logins: "logins a user",
  refreshes: "refreshes of a session a user",
  lists: "lists of conversions a user",
  usageReads: "looks at the quota a user",
  uploads: "uploads a conversion",
  polls: "looks at a conversion until it has ended",
  downloads: "downloads of a result, each conversion",
  thumbnails: "downloads of thumbnails, each conversion",
  deletes: "conversions deleted by their users, each conversion",
  largePhotos: "part of the photos that have 12 MP; the others have 1",
  retentionMonths: "months that pictures are kept",
  ageMonths: "months that the service has run: its rows in D1 stay",
  scrapesPerMinute: "scrapes of the metrics a minute",
  peak: "the busiest minute beside the average",
  isolateRequests: "requests a second for each busy isolate, which sends its metrics by itself",
  objectWaitMs: "ms that a Durable Object's request takes beside what was measured, until its writes are safe",
  logEnvelope: "bytes that the platform adds to a line of the log",
  invocationLog: "bytes of what the platform logs of an invocation",
  span: "bytes of a span of a trace",
  providerSeconds: "seconds that an AI provider takes for a picture",
  smsDollars: "dollars for a text message",
};
