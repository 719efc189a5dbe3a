/** Cloudflare's REST API, as far as deployments need it: https://developers.cloudflare.com/api/ */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";

export const OFFICIAL = "https://api.cloudflare.com/client/v4";
const TIMEOUT_MS = 30_000;
const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

const envelope = z.object({
  success: z.boolean(),
  errors: z.array(z.object({ code: z.number(), message: z.string() })).default([]),
  result: z.unknown().optional(),
  result_info: z
    .object({
      total_pages: z.number().optional(),
      total_count: z.number().optional(),
      per_page: z.number().positive().optional(),
      cursor: z.string().optional(),
    })
    .nullish(),
});
type Envelope = z.infer<typeof envelope>;

/** Not every list tells how many pages it has, and some have smaller ones than they are asked for. */
function pagesOf(info: Envelope["result_info"]): number {
  const { total_pages, total_count = 0, per_page = Infinity } = info ?? {};
  return total_pages ?? Math.ceil(total_count / per_page);
}

/** Cloudflare refused, or did not answer. `codes` are its own numbers for what went wrong. */
export class CloudflareError extends Error {
  override readonly name = "CloudflareError";
  /** Null when there was no answer. */
  readonly status: number | null;
  readonly codes: readonly number[];

  constructor(message: string, status: number | null, codes: readonly number[] = [], cause?: unknown) {
    super(message, { cause });
    this.status = status;
    this.codes = codes;
  }
}

export interface CloudflareAccess {
  readonly accountId: string;
  readonly token: string;
  /** Of the REST API; Cloudflare's own by default. Wrangler knows the same variable, `CLOUDFLARE_API_BASE_URL`. */
  readonly baseUrl?: string | undefined;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

interface Call {
  readonly method?: Method;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** @throws {Error} naming the variables that are missing. */
export function accessFrom(env: Readonly<Record<string, string | undefined>>): CloudflareAccess {
  const { CLOUDFLARE_ACCOUNT_ID: accountId, CLOUDFLARE_API_TOKEN: token } = env;
  const missing = Object.entries({ CLOUDFLARE_ACCOUNT_ID: accountId, CLOUDFLARE_API_TOKEN: token })
    .filter(([, value]) => !value)
    .map(([name]) => name);
  if (!accountId || !token) throw new Error(`${missing.join(" and ")} must be set: docs/deploy.md tells where from.`);
  return { accountId, token, baseUrl: env.CLOUDFLARE_API_BASE_URL || undefined };
}

/** Calls of one account. Every method throws a {@link CloudflareError} when Cloudflare refuses. */
export class CloudflareApi {
  readonly #access: CloudflareAccess;
  readonly #pauseMs: number;

  constructor(access: CloudflareAccess, { pauseMs = FIRST_PAUSE_MS }: { readonly pauseMs?: number } = {}) {
    this.#access = access;
    this.#pauseMs = pauseMs;
  }

  /** `path` is below the account's: `/d1/database`. */
  async call<T>(path: string, schema: z.ZodType<T>, call: Call = {}): Promise<T> {
    const { result } = await this.#enveloped(path, call);
    return schema.parse(result);
  }

  /** Every item of a list that comes in pages. */
  async list<T>(path: string, item: z.ZodType<T>, query: Readonly<Record<string, string>> = {}): Promise<T[]> {
    const items: T[] = [];
    for (let page = 1, pages = 1; page <= pages; page++) {
      const { result, result_info } = await this.#enveloped(path, {
        query: { ...query, page: String(page), per_page: "100" },
      });
      items.push(...z.array(item).parse(result ?? []));
      pages = pagesOf(result_info);
    }
    return items;
  }

  /** An answer that has no envelope, as that of Analytics Engine's SQL. */
  async text(path: string, body: string): Promise<string> {
    const response = await this.#send(path, { method: "POST" }, { "Content-Type": "text/plain" }, body, true);
    const text = await response.text();
    if (!response.ok)
      throw new CloudflareError(
        `POST ${path}: ${response.status} ${text.slice(0, 500)}${adviceFor(response.status, [])}`,
        response.status,
      );
    return text;
  }

  async #enveloped(path: string, call: Call): Promise<Envelope> {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const headers = body === undefined ? {} : { "Content-Type": "application/json" };
    const response = await this.#send(path, call, headers, body, (call.method ?? "GET") === "GET");
    const text = await response.text();
    const parsed = envelope.safeParse(tryJson(text));
    const name = `${call.method ?? "GET"} ${path}`;
    if (!parsed.success) throw new CloudflareError(`${name}: ${response.status}, and no envelope`, response.status);
    const { success, errors } = parsed.data;
    if (success && response.ok) return parsed.data;
    const told = errors.map(({ code, message }) => `${message} [${code}]`).join("; ") || `status ${response.status}`;
    const codes = errors.map(({ code }) => code);
    throw new CloudflareError(`${name}: ${told}${adviceFor(response.status, codes)}`, response.status, codes);
  }

  /**
   * What only reads is tried again when it fails in passing; what changes something only when Cloudflare says by 429
   * that it did nothing.
   */
  async #send(
    path: string,
    { method = "GET", query = {} }: Call,
    headers: Readonly<Record<string, string>>,
    body: string | undefined,
    isRepeatable: boolean,
  ): Promise<Response> {
    const { accountId, token, baseUrl = OFFICIAL } = this.#access;
    const url = new URL(`${baseUrl}/accounts/${accountId}${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const init = {
      method,
      headers: { ...headers, Authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body }),
    };
    for (let attempt = 1; ; attempt++) {
      const response = await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(
        (cause: unknown) => {
          return new CloudflareError(`${method} ${path}: no answer (${reasonOf(cause)})`, null, [], cause);
        },
      );
      const failed = response instanceof CloudflareError;
      const again = failed || response.status >= 500 ? isRepeatable : response.status === 429;
      if (!again || attempt === ATTEMPTS) {
        if (failed) throw response;
        return response;
      }
      await sleep(pauseBefore(attempt, failed ? null : response.headers.get("Retry-After"), this.#pauseMs));
    }
  }
}

/** Of an account or a token that is wrong: invalid headers, no route, no access, no authentication. */
const ACCESS_CODES: ReadonlySet<number> = new Set([6_003, 7_003, 9_109, 10_000]);

/** What to do about it, where that is known. */
function adviceFor(status: number, codes: readonly number[]): string {
  const isAboutAccess = status === 401 || status === 403 || codes.some((code) => ACCESS_CODES.has(code));
  if (!isAboutAccess) return "";
  return ": CLOUDFLARE_API_TOKEN must be one of CLOUDFLARE_ACCOUNT_ID's, with the permissions of docs/deploy.md";
}

/** Why there was no answer, as a word: messages of fetch may hold the token that it could not send. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  if ("code" in error && typeof error.code === "string") return error.code;
  return error.cause === undefined ? error.name : reasonOf(error.cause);
}

function pauseBefore(attempt: number, retryAfter: string | null, firstMs: number): number {
  const asked = Number(retryAfter) * 1_000;
  return Math.min(asked > 0 ? asked : firstMs * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
