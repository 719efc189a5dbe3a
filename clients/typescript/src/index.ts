/** A client of the AI Styler API on `fetch` alone: for browsers, Workers and Node 20.3 and later. */
import createOpenApiClient, { type Client as OpenApiClient } from "openapi-fetch";
import { LONGEST_TIMER_MS, pause } from "./pause.ts";
import { ApiProblem, problemOf, retryAfterMs } from "./problem.ts";
import type { components, paths } from "./schema.d.ts";
import { createTransport, type Fetch, memoryTokens, type TokenStore, type Tokens } from "./transport.ts";

export { ApiProblem, type Problem, type ProblemCode } from "./problem.ts";
export type { components, paths } from "./schema.d.ts";
export type { Fetch, TokenStore, Tokens } from "./transport.ts";

type Schemas = components["schemas"];
export type Conversion = Schemas["Conversion"];
export type CreateConversion = Schemas["CreateConversion"];
export type Image = Schemas["Image"];
export type ImageKind = Schemas["UploadImage"]["kind"];

export interface ClientOptions {
  /** Such as `https://styler.example.com`. */
  readonly baseUrl: string;
  readonly fetch?: Fetch;
  readonly tokens?: TokenStore;
  /** How long one try of a request may take; 60,000 unless given. */
  readonly timeoutMs?: number;
  /** How often a request that may be repeated is, after 429, 503 or no answer; 3 unless given. */
  readonly retries?: number;
  /** Longer waits than this, as asked for by `Retry-After`, are left to you; 20,000 unless given. */
  readonly longestWaitMs?: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface ConvertOptions extends CallOptions {
  /** One for each conversion you mean to pay for; made up unless given. The same key gives the same conversion. */
  readonly idempotencyKey?: string;
  /** Up to 25: answers when the conversion ends within this time. */
  readonly waitSeconds?: number;
}

export interface WaitOptions extends CallOptions {
  /** 600,000 unless given. */
  readonly timeoutMs?: number;
  /** Called with the first state and with each that differs in status, stage or progress. */
  readonly onProgress?: (conversion: Conversion) => void;
}

export interface DownloadOptions extends CallOptions {
  readonly variant?: "original" | "thumbnail" | "thumbnail-256";
}

/** Every method throws {@link ApiProblem} for an answer of 400 or above, and the signal's reason when that is aborted. */
export interface Client {
  /** Every operation of the API, typed, with the same tokens, errors and repetitions. */
  readonly api: OpenApiClient<paths>;
  login(credentials: Schemas["Login"], options?: CallOptions): Promise<Schemas["Session"]>;
  /** Ends the session here and on the server. */
  logout(options?: CallOptions): Promise<void>;
  /** Makes an account of a verified phone and is signed in as its owner from then on. */
  register(account: Schemas["Register"], options?: CallOptions): Promise<Schemas["Session"]>;
  /** Takes JPEG, PNG or WebP of at most 10 MB. */
  upload(file: Blob, kind: ImageKind, options?: CallOptions): Promise<Image>;
  convert(request: CreateConversion, options?: ConvertOptions): Promise<Conversion>;
  /**
   * The conversion once it has ended, however it has: look at its `status` and `error`.
   * @throws {DOMException} `TimeoutError` when it has not ended in time. It goes on all the same.
   */
  waitForConversion(id: string, options?: WaitOptions): Promise<Conversion>;
  download(imageId: string, options?: DownloadOptions): Promise<Blob>;
}

/** A client of the service at `baseUrl`; with `tokens` of a session that goes on, it is signed in. */
export function createClient(options: ClientOptions): Client {
  const tokens = options.tokens ?? memoryTokens();
  const baseUrl = options.baseUrl.replace(/\/+$/, "");
  const api = createApi(options, baseUrl, tokens);
  return {
    api,
    ...sessionMethods(api, tokens),
    upload: async (file, kind, { signal } = {}) =>
      dataOf(await api.POST("/api/images", { body: { kind, file }, bodySerializer: formOf, ...pick(signal) })),
    convert: async (request, { idempotencyKey = crypto.randomUUID(), waitSeconds, signal } = {}) => {
      const prefer = waitSeconds === undefined ? {} : { Prefer: `wait=${waitSeconds}` };
      const params = { header: { "Idempotency-Key": idempotencyKey, ...prefer } };
      return dataOf(await api.POST("/api/conversions", { body: request, params, ...pick(signal) }));
    },
    waitForConversion: (id, wait) => waitForConversion(api, id, wait),
    download: async (id, { variant = "original", signal } = {}) => {
      const params = { path: { id }, query: { variant } };
      return dataOf(await api.GET("/api/images/{id}/content", { params, parseAs: "blob", ...pick(signal) }));
    },
  };
}

function createApi(options: ClientOptions, baseUrl: string, tokens: TokenStore): OpenApiClient<paths> {
  const { timeoutMs = 60_000, retries = 3, longestWaitMs = 20_000 } = options;
  const fetch = options.fetch ?? ((request: Request) => globalThis.fetch(request));
  const transport = createTransport({ baseUrl, fetch, tokens, timeoutMs, retries, longestWaitMs });
  const api = createOpenApiClient<paths>({ baseUrl, fetch: transport });
  api.use({
    async onResponse({ response }) {
      if (response.status >= 400) throw new ApiProblem(response, await problemOf(response));
    },
  });
  return api;
}

function sessionMethods(api: OpenApiClient<paths>, tokens: TokenStore): Pick<Client, "login" | "logout" | "register"> {
  async function begin(session: Schemas["Session"]): Promise<Schemas["Session"]> {
    const { accessToken, refreshToken }: Tokens = session;
    await tokens.set({ accessToken, refreshToken });
    return session;
  }
  return {
    login: async (body, { signal } = {}) => begin(dataOf(await api.POST("/api/auth/login", { body, ...pick(signal) }))),
    register: async (body, { signal } = {}) =>
      begin(dataOf(await api.POST("/api/auth/register", { body, ...pick(signal) }))),
    async logout({ signal } = {}) {
      await api.POST("/api/auth/logout", pick(signal)).catch((error: unknown) => {
        // A session that has ended needs no end.
        if (!(error instanceof ApiProblem && error.code === "unauthenticated")) throw error;
      });
      await tokens.set(null);
    },
  };
}

async function waitForConversion(api: OpenApiClient<paths>, id: string, options: WaitOptions = {}) {
  const { timeoutMs = 600_000, onProgress } = options;
  const late = new AbortController();
  const reason = `the conversion ${id} has not ended after ${timeoutMs} ms; it goes on, and you may wait again`;
  const giveUp = () => late.abort(new DOMException(reason, "TimeoutError"));
  const timer = setTimeout(giveUp, Math.min(timeoutMs, LONGEST_TIMER_MS));
  const signal = AbortSignal.any([late.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  try {
    let seen = "";
    for (let waitMs = 500; ; waitMs = Math.min(waitMs * 1.3, 5_000)) {
      const answer = await api.GET("/api/conversions/{id}", { params: { path: { id } }, signal });
      const conversion = dataOf(answer);
      const state = `${conversion.status} ${conversion.stage} ${conversion.progress}`;
      if (state !== seen) onProgress?.(conversion);
      seen = state;
      if (conversion.status !== "queued" && conversion.status !== "processing") return conversion;
      await pause(retryAfterMs(answer.response) ?? waitMs, signal);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** What a call that did not throw answered. */
function dataOf<T>({ data }: { readonly data?: T }): NonNullable<T> {
  if (data === undefined || data === null) throw new TypeError("the service answered without a body");
  return data;
}

function formOf(fields: Schemas["UploadImage"]): FormData {
  const form = new FormData();
  form.append("kind", fields.kind);
  form.append("file", fields.file);
  return form;
}

function pick(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
