/**
 * Cloudflare's REST API as a server of tests: one account with its state in memory. It speaks the wire for what the
 * deployment's scripts and wrangler call, checks what it is sent, and answers 404 to all else, so that a call nobody
 * thought of is seen.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const FAKE_ACCOUNT = "0123456789abcdef0123456789abcdef";
export const FAKE_TOKEN = "fake-cloudflare-token";

export interface FakeRequest {
  readonly method: string;
  /** Below the account's, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
  json(): unknown;
  /** Of multipart bodies. */
  form(): Promise<FormData>;
}

/** What the account notes of who changed a Worker. */
export function clientOf({ headers }: FakeRequest): string {
  return headers["user-agent"]?.startsWith("wrangler") ? "wrangler" : "api";
}

/** `raw` goes out without an envelope. */
export type FakeAnswer =
  | { readonly result: unknown; readonly resultInfo?: unknown; readonly status?: number }
  | { readonly raw: string; readonly type?: string; readonly status?: number };

/** Refuses a request as Cloudflare does. */
export class FakeRefusal extends Error {
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface FakeRoute {
  readonly method: string;
  /** Of the path below the account's; its groups are handed on, decoded. */
  readonly path: RegExp;
  readonly answer: (request: FakeRequest, ...groups: string[]) => FakeAnswer | Promise<FakeAnswer>;
}

export interface FakeCloudflare {
  readonly baseUrl: string;
  /** `METHOD /path`, in the order in which they came. */
  readonly calls: readonly string[];
  /** What was asked for and isn't there. */
  readonly unknown: readonly string[];
  /** The next request that matches is answered like this instead, once. */
  failNext(method: string, path: RegExp, refusal: FakeRefusal): void;
  stop(): Promise<void>;
}

function requestOf(incoming: IncomingMessage, path: string, query: URLSearchParams, body: Buffer): FakeRequest {
  return {
    method: incoming.method ?? "GET",
    path,
    query,
    headers: incoming.headers,
    body,
    json: () => JSON.parse(body.toString("utf8")),
    form: () => {
      const headers = { "Content-Type": incoming.headers["content-type"] ?? "" };
      return new Response(new Uint8Array(body), { headers }).formData();
    },
  };
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const ACCOUNT_PATH = `/client/v4/accounts/${FAKE_ACCOUNT}`;

interface Failure {
  readonly method: string;
  readonly path: RegExp;
  readonly refusal: FakeRefusal;
}

/** What was asked, what isn't there, and what is to fail. */
interface Ledger {
  readonly calls: string[];
  readonly unknown: string[];
  readonly failures: Failure[];
}

interface Routes {
  readonly ofAccount: readonly FakeRoute[];
  readonly global: readonly FakeRoute[];
}

async function answer(incoming: IncomingMessage, { ofAccount, global }: Routes, ledger: Ledger): Promise<FakeAnswer> {
  const { calls, unknown, failures } = ledger;
  const url = new URL(incoming.url ?? "/", "http://fake");
  const body = await bodyOf(incoming);
  const method = incoming.method ?? "GET";
  const isOfAccount = url.pathname.startsWith(`${ACCOUNT_PATH}/`);
  const path = url.pathname.slice(isOfAccount ? ACCOUNT_PATH.length : "/client/v4".length);
  calls.push(`${method} ${path}`);
  // Uploads of assets have a token of their own.
  const mayCome = incoming.headers.authorization === `Bearer ${FAKE_TOKEN}` || path.startsWith("/workers/assets/");
  if (!mayCome) throw new FakeRefusal(401, 10_000, "Authentication error");
  const failure = failures.findIndex((it) => it.method === method && it.path.test(path));
  if (failure >= 0) throw failures.splice(failure, 1)[0]?.refusal;
  for (const route of isOfAccount ? ofAccount : global) {
    const match = route.method === method ? route.path.exec(path) : null;
    if (match === null) continue;
    const groups = match.slice(1).map((group) => decodeURIComponent(group ?? ""));
    return route.answer(requestOf(incoming, path, url.searchParams, body), ...groups);
  }
  unknown.push(`${method} ${path}`);
  throw new FakeRefusal(404, 7_003, `Could not route to ${path}`);
}

function sendAnswer(outgoing: ServerResponse, given: FakeAnswer): void {
  const send = (type: string, text: string) =>
    outgoing.writeHead(given.status ?? 200, { "Content-Type": type }).end(text);
  if ("raw" in given) return void send(given.type ?? "application/json", given.raw);
  const { result, resultInfo } = given;
  const info = resultInfo ? { result_info: resultInfo } : {};
  send("application/json", JSON.stringify({ success: true, errors: [], messages: [], result, ...info }));
}

function sendRefusal(outgoing: ServerResponse, error: unknown): void {
  const { status, code, message } =
    error instanceof FakeRefusal
      ? error
      : new FakeRefusal(500, 10_013, error instanceof Error ? (error.stack ?? "") : "");
  const enveloped = { success: false, errors: [{ code, message }], messages: [], result: null };
  outgoing.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(enveloped));
}

/** `global` are routes outside the account: `/user`, `/memberships`. */
export async function startFakeCloudflare(
  ofAccount: readonly FakeRoute[],
  global: readonly FakeRoute[] = [],
): Promise<FakeCloudflare> {
  const ledger: Ledger = { calls: [], unknown: [], failures: [] };
  const server = createServer((incoming, outgoing) => {
    answer(incoming, { ofAccount, global }, ledger).then(
      (given) => sendAnswer(outgoing, given),
      (error: unknown) => sendRefusal(outgoing, error),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/v4`,
    calls: ledger.calls,
    unknown: ledger.unknown,
    failNext: (method, path, refusal) => void ledger.failures.push({ method, path, refusal }),
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
