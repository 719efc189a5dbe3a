/** A small client of the HTTP API, for the demo and the end-to-end tests. */
import { createHash, randomInt } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** The answer to a call that failed, with its problem+json body. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly problem: unknown;

  constructor(request: string, status: number, problem: unknown) {
    super(`${request} answered ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

export interface Image {
  readonly id: string;
  readonly sha256: string;
  readonly url: string;
}

export interface Output {
  readonly imageId: string;
  readonly url: string;
  readonly mime: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Conversion {
  readonly id: string;
  readonly kind: "style" | "tryon";
  readonly status: "queued" | "processing" | "succeeded" | "failed" | "canceled" | "expired";
  readonly stage: string | null;
  readonly progress: number;
  readonly provider: { readonly used: string | null; readonly model: string | null };
  readonly output: Output | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly completedAt: string | null;
}

export interface Usage {
  readonly conversions: {
    readonly limit: number;
    readonly used: number;
    readonly reserved: number;
    readonly remaining: number;
  };
}

export interface SignedUp {
  readonly accessToken: string;
  readonly user: { readonly id: string; readonly phone: string };
}

interface CallOptions {
  readonly json?: unknown;
  readonly form?: FormData;
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A mobile number of Iran that no other test or demo run uses. */
export function newPhone(): string {
  return `0912${randomInt(10_000_000).toString().padStart(7, "0")}`;
}

export class ApiClient {
  readonly base: string;
  #accessToken: string | null;
  readonly #headers: Readonly<Record<string, string>>;

  /** `headers` go with every call. */
  constructor(base: string, accessToken: string | null = null, headers: Readonly<Record<string, string>> = {}) {
    this.base = base;
    this.#accessToken = accessToken;
    this.#headers = headers;
  }

  /** The same user at another address, such as that of a restarted server. */
  at(base: string): ApiClient {
    return new ApiClient(base, this.#accessToken, this.#headers);
  }

  /** @throws {ApiError} on any status of 400 and above. */
  async call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const headers = new Headers(this.#headers);
    if (this.#accessToken !== null) headers.set("Authorization", `Bearer ${this.#accessToken}`);
    if (options.json !== undefined) headers.set("Content-Type", "application/json");
    const body = options.form ?? (options.json === undefined ? null : JSON.stringify(options.json));
    const response = await fetch(new URL(path, this.base), { method, headers, body });
    const text = await response.text();
    if (response.status >= 400) throw new ApiError(`${method} ${path}`, response.status, parse(text));
    return parse(text) as T;
  }

  /** Signs a phone up with a code from the development inbox, and calls in its user's name from then on. */
  async signUp(phone: string, onStep: (step: string) => void = () => {}): Promise<SignedUp> {
    const purpose = "register";
    const sent = await this.call<{ challengeId: string }>("POST", "/api/auth/send-otp", { json: { phone, purpose } });
    onStep("code sent");
    const inbox = await this.call<{ items: { code: string }[] }>("GET", `/api/dev/sms?phone=${phone}`);
    const code = inbox.items[0]?.code;
    if (code === undefined) throw new Error(`no code for ${phone} in the development inbox`);
    const verified = await this.call<{ verificationToken: string }>("POST", "/api/auth/verify-otp", {
      json: { phone, purpose, challengeId: sent.challengeId, code },
    });
    onStep("code verified");
    const session = await this.call<SignedUp>("POST", "/api/auth/register", {
      json: { verificationToken: verified.verificationToken, password: "seven-lamps-of-architecture" },
    });
    this.#accessToken = session.accessToken;
    return session;
  }

  async upload(file: string, kind: "person" | "garment" | "style"): Promise<Image> {
    const form = new FormData();
    form.set("kind", kind);
    form.set("file", new Blob([await readFile(file)]), basename(file));
    return this.call<Image>("POST", "/api/images", { form });
  }

  async convert(request: Readonly<Record<string, unknown>>): Promise<Conversion> {
    return this.call<Conversion>("POST", "/api/conversions", { json: request });
  }

  async conversion(id: string): Promise<Conversion> {
    return this.call<Conversion>("GET", `/api/conversions/${id}`);
  }

  /** Polls until the conversion has ended, however it ends. */
  async waitFor(id: string, timeoutMs: number, onChange: (state: Conversion) => void = () => {}): Promise<Conversion> {
    const deadline = Date.now() + timeoutMs;
    let seen = "";
    while (Date.now() < deadline) {
      const state = await this.conversion(id);
      const key = `${state.status} ${state.stage} ${state.progress}`;
      if (key !== seen) onChange(state);
      seen = key;
      if (state.status !== "queued" && state.status !== "processing") return state;
      await sleep(100);
    }
    throw new Error(`conversion ${id} was still ${seen} after ${timeoutMs} ms`);
  }

  /** The bytes behind a signed url. */
  async download(url: string): Promise<Uint8Array> {
    const response = await fetch(new URL(url, this.base));
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (!response.ok) throw new ApiError(`GET ${url}`, response.status, parse(new TextDecoder().decode(bytes)));
    return bytes;
  }
}

function parse(text: string): unknown {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return text.slice(0, 500);
  }
}
