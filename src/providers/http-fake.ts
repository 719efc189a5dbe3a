import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Of longer bodies this much is kept. */
const KEPT_BYTES = 32 * 1024 * 1024;

export interface WireResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  /** Nothing at all is sent before. */
  readonly headersAfterMs?: number;
  /** The second half of the body comes only then. */
  readonly restAfterMs?: number;
  /** Instead of the second half of the body, the connection breaks. */
  readonly cut?: boolean;
}

/**
 * What goes over the wire. `hang` never answers, `stall` stops in the middle of the body, `reset` breaks the
 * connection, `garbage` is a page of HTML.
 */
export type WireAnswer = "hang" | "stall" | "reset" | "garbage" | WireResponse;

export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Its first 32 MiB. */
  readonly body: string;
  readonly bodyBytes: number;
  /** Fires when the client goes away before it has its answer. */
  readonly gone: AbortSignal;
}

export interface HttpFake {
  readonly url: string;
  /** Breaks the connections that hang, too. */
  close(): Promise<void>;
}

/** An answer in JSON. */
export function jsonAnswer(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): WireResponse {
  return {
    status,
    headers: { "Content-Type": "application/json; charset=utf-8", ...headers },
    body: JSON.stringify(body),
  };
}

function whenGone(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once("close", () => response.writableFinished || controller.abort());
  return controller.signal;
}

async function readRequest(request: IncomingMessage, gone: AbortSignal): Promise<WireRequest> {
  const chunks: Buffer[] = [];
  let bodyBytes = 0;
  for await (const chunk of request) {
    if (bodyBytes < KEPT_BYTES) chunks.push(chunk as Buffer);
    bodyBytes += (chunk as Buffer).length;
  }
  return {
    method: request.method ?? "",
    path: request.url ?? "",
    headers: request.headers,
    body: Buffer.concat(chunks).toString("utf8"),
    bodyBytes,
    gone,
  };
}

async function writeResponse(response: ServerResponse, answer: WireResponse, gone: AbortSignal): Promise<void> {
  const { status, headers, body, headersAfterMs, restAfterMs, cut = false } = answer;
  if (headersAfterMs !== undefined) await sleep(headersAfterMs, undefined, { signal: gone });
  if (restAfterMs === undefined && !cut) {
    response.writeHead(status, { ...headers }).end(body);
    return;
  }
  const bytes = Buffer.from(body);
  const half = Math.ceil(bytes.length / 2);
  response.writeHead(status, { ...headers, "Content-Length": String(bytes.length) });
  response.write(bytes.subarray(0, half));
  if (restAfterMs !== undefined) await sleep(restAfterMs, undefined, { signal: gone });
  else await sleep(10);
  if (cut) response.socket?.destroy();
  else response.end(bytes.subarray(half));
}

async function write(response: ServerResponse, answer: WireAnswer, gone: AbortSignal): Promise<void> {
  if (answer === "hang") return;
  if (answer === "reset") response.socket?.resetAndDestroy();
  else if (answer === "stall") response.writeHead(200, { "Content-Type": "application/json" }).write('{"status":');
  else if (answer === "garbage") {
    response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>Bad gateway</title>");
  } else await writeResponse(response, answer, gone);
}

/** A real HTTP server on the loopback whose answers are `answer`'s. */
export async function startHttpFake(
  port: number,
  answer: (request: WireRequest) => WireAnswer | Promise<WireAnswer>,
): Promise<HttpFake> {
  const server = createServer((request, response) => {
    const gone = whenGone(response);
    readRequest(request, gone)
      .then(answer)
      .then((given) => write(response, given, gone))
      .catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}
