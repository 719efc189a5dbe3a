/**
 * Whether a new version is as good as the one before it, by what both answered in the same time.
 *
 * Every question has the form: how many of n were bad, and is that more than a limit allows? Chance is kept out by
 * exact one-sided binomial tests. Bad: so many bad ones would come by chance in less than 1 of 1,000 cases if the true
 * share were at the limit; strict, for a release asks dozens of times. Good: so few would be seen in less than 1 of 20
 * cases if the true share were twice the limit. Neither: too little traffic to tell.
 */

/** How many of `total` were bad. */
export interface Share {
  readonly bad: number;
  readonly total: number;
}

export type Answer = "good" | "bad" | "unclear";

export interface Verdict {
  readonly answer: Answer;
  /** What was found, one thing a line; for a bad verdict what is bad. */
  readonly reasons: readonly string[];
  /** Whether anything at all of the new version failed. */
  readonly hasErrors: boolean;
}

/** One version's requests to the api. Counts are estimates of a sample; `points` is how many were seen. */
export interface VersionSample {
  readonly requests: number;
  readonly errors: number;
  readonly points: number;
  readonly p95Ms: number;
}

export interface WorkerInvocations {
  readonly worker: string;
  /** Failed invocations: exceptions, CPU, memory. */
  readonly fresh: Share;
  readonly old: Share;
}

export interface Measured {
  readonly fresh: VersionSample | null;
  readonly old: VersionSample | null;
  /** Requests of the new version that took longer than {@link slowLimitMs}; null where there is no limit. */
  readonly slow: Share | null;
  readonly invocations: readonly WorkerInvocations[];
}

/** A share of errors that is never held against a version. */
const ERROR_FLOOR = 0.01;
const ERROR_FACTOR = 2;
/** More errors than this are bad, whatever the old version does. */
const ERROR_CEILING = 0.5;
const P95_FACTOR = 1.5;
const P95_SLACK_MS = 100;
/** Of a p95, by what it is. */
const SLOW_SHARE = 0.05;
const MIN_TO_CONDEMN = 20;
const MIN_OLD_FOR_RATIO = 20;
const MIN_OLD_FOR_P95 = 100;
const CONDEMN_BELOW = 0.001;
const ACQUIT_BELOW = 0.05;

function logPmf(k: number, n: number, p: number): number {
  let log = k * Math.log(p) + (n - k) * Math.log1p(-p);
  const short = Math.min(k, n - k);
  for (let i = 1; i <= short; i++) log += Math.log((n - short + i) / i);
  return log;
}

/** P(X <= k) of a binomial distribution. */
export function atMost(k: number, n: number, p: number): number {
  if (k < 0) return 0;
  if (k >= n) return 1;
  if (k > n * p) return 1 - atMost(n - k - 1, n, 1 - p);
  let term = Math.exp(logPmf(k, n, p));
  let sum = term;
  // Below the mean each term is smaller than the one after it.
  for (let i = k; i > 0 && term > sum * 1e-16; i--) {
    term *= (i / (n - i + 1)) * ((1 - p) / p);
    sum += term;
  }
  return Math.min(sum, 1);
}

/** P(X >= k) of a binomial distribution. */
export function atLeast(k: number, n: number, p: number): number {
  return atMost(n - k, n, 1 - p);
}

/** Whether more than `limit` of them are bad. */
export function judgeShare({ bad, total }: Share, limit: number): Answer {
  if (total >= MIN_TO_CONDEMN && bad > total * limit && atLeast(bad, total, limit) < CONDEMN_BELOW) return "bad";
  return total > 0 && atMost(bad, total, limit * 2) < ACQUIT_BELOW ? "good" : "unclear";
}

/** The share of errors that the new version may have. */
export function errorLimit(old: Share): number {
  const before = old.total < MIN_OLD_FOR_RATIO ? 0 : old.bad / old.total;
  return Math.min(Math.max(ERROR_FLOOR, before * ERROR_FACTOR), ERROR_CEILING);
}

/** What at most a twentieth of the new version's requests may exceed; null while the old one has too few to tell. */
export function slowLimitMs(old: VersionSample | null): number | null {
  if (old === null || old.points < MIN_OLD_FOR_P95) return null;
  return Math.max(old.p95Ms * P95_FACTOR, old.p95Ms + P95_SLACK_MS);
}

/** Of what was seen, so that sampling makes nothing look surer than it is. */
function errorShare(sample: VersionSample | null): Share {
  if (sample === null || sample.requests === 0) return { bad: 0, total: 0 };
  return { bad: Math.round((sample.errors / sample.requests) * sample.points), total: sample.points };
}

const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 2 : 1)} %`;
const shown = ({ bad, total }: Share) => `${bad} of ${total}${total === 0 ? "" : ` (${percent(bad / total)})`}`;

interface Finding {
  readonly answer: Answer;
  readonly told: string;
}

function errorsOf(what: string, fresh: Share, old: Share): Finding {
  const limit = errorLimit(old);
  const told = `${what}: ${shown(fresh)}, before it ${shown(old)}; the limit is ${percent(limit)}`;
  return { answer: judgeShare(fresh, limit), told };
}

function latencyOf({ fresh, old, slow }: Measured): Finding {
  const limitMs = slowLimitMs(old);
  if (fresh === null || old === null || slow === null || limitMs === null) {
    return { answer: "unclear", told: "p95 of the api: too few requests to compare" };
  }
  const p95s = `${Math.round(fresh.p95Ms)} ms, before it ${Math.round(old.p95Ms)} ms`;
  const told = `p95 of the api: ${p95s}; slower than ${Math.round(limitMs)} ms were ${shown(slow)}`;
  return { answer: judgeShare(slow, SLOW_SHARE), told };
}

/**
 * Bad when anything is bad; good when the api's errors are. The rest is too thin in most services to acquit by: it can
 * condemn only.
 */
export function judge(measured: Measured): Verdict {
  const fresh = errorShare(measured.fresh);
  const errors = errorsOf("api answers of 5xx", fresh, errorShare(measured.old));
  const invocations = measured.invocations
    .filter((it) => it.fresh.total > 0)
    .map((it) => errorsOf(`failed invocations of ${it.worker}`, it.fresh, it.old));
  const findings = [errors, latencyOf(measured), ...invocations];
  const bad = findings.filter(({ answer }) => answer === "bad");
  const hasErrors = (measured.fresh?.errors ?? 0) > 0 || measured.invocations.some((it) => it.fresh.bad > 0);
  const reasons = (bad.length > 0 ? bad : findings).map(({ told }) => told);
  return { answer: bad.length > 0 ? "bad" : errors.answer, reasons, hasErrors };
}
