const DEFAULT_LIMIT_MS = 60_000;
const LONGEST_LIMIT_MS = 24 * 60 * 60_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
const WINDOW_MS = 10_000;
/** More in one window tell nothing new; also bounds how many wait for a Sentry that hangs. */
const MAX_IN_WINDOW = 30;

/** `60:error;default:organization, 2700::key`: seconds, categories (none: all), and what is of no use here. */
function limitOfErrors(header: string): number {
  let longest = 0;
  for (const limit of header.split(",")) {
    const [seconds = "", categories = ""] = limit.trim().split(":");
    if (categories !== "" && !categories.split(";").includes("error")) continue;
    const parsed = Number.parseFloat(seconds);
    longest = Math.max(longest, Number.isNaN(parsed) ? DEFAULT_LIMIT_MS : parsed * 1_000);
  }
  return longest;
}

function retryAfterMs(header: string | null, now: number): number {
  if (header === null) return DEFAULT_LIMIT_MS;
  const seconds = Number(header);
  const ms = Number.isNaN(seconds) ? Date.parse(header) - now : seconds * 1_000;
  return Number.isNaN(ms) ? DEFAULT_LIMIT_MS : ms;
}

function limitMs(response: Response, now: number): number {
  const limits = response.headers.get("X-Sentry-Rate-Limits");
  if (limits !== null) return limitOfErrors(limits);
  const retryAfter = response.headers.get("Retry-After");
  if (response.status === 429 || (response.status === 503 && retryAfter !== null)) {
    return retryAfterMs(retryAfter, now);
  }
  return 0;
}

/**
 * Whether an isolate sends to a Sentry project: not while a rate limit of Sentry's lasts
 * (https://develop.sentry.dev/sdk/expected-features/rate-limiting/), not for a while after a failure, which doubles with
 * each further one, and never more than a few at once. Plain data, so that requests may share it. Times in epoch ms.
 */
export class SentryGate {
  #closedUntil = 0;
  #failures = 0;
  #windowStart = 0;
  #inWindow = 0;

  /** Whether one more event may go now; true counts it. */
  admit(now: number): boolean {
    if (now < this.#closedUntil) return false;
    if (now - this.#windowStart >= WINDOW_MS) {
      this.#windowStart = now;
      this.#inWindow = 0;
    }
    if (this.#inWindow >= MAX_IN_WINDOW) return false;
    this.#inWindow++;
    return true;
  }

  /** Takes note of an answer, or of none in time (null). */
  note(response: Response | null, now: number): void {
    const limit = response === null ? 0 : Math.min(LONGEST_LIMIT_MS, limitMs(response, now));
    if (limit > 0) this.#closedUntil = Math.max(this.#closedUntil, now + limit);
    else if (response?.ok) this.#failures = 0;
    else if (response === null || response.status >= 500 || response.status < 400) this.#pause(now);
  }

  #pause(now: number): void {
    // Those that fail together are one failure.
    if (now < this.#closedUntil) return;
    this.#closedUntil = now + Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures);
    this.#failures++;
  }
}

const gates = new Map<string, SentryGate>();

/** The isolate's gate for a DSN. */
export function sentryGate(dsn: string): SentryGate {
  let gate = gates.get(dsn);
  if (gate === undefined) {
    gate = new SentryGate();
    gates.set(dsn, gate);
  }
  return gate;
}
