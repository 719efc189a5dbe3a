import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * What goes over the wire. `hang` never answers, `stall` stops in the middle of the body, `reset` breaks the
 * connection, `garbage` is a page of HTML.
 */
export type WireAnswer =
  | "hang"
  | "stall"
  | "reset"
  | "garbage"
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body: string };

export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpFake {
  readonly url: string;
  /** Breaks the connections that hang, too. */
  close(): Promise<void>;
}

/** An answer in JSON. */
export function jsonAnswer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): WireAnswer {
  return {
    status,
    headers: { "Content-Type": "application/json; charset=utf-8", ...headers },
    body: JSON.stringify(body),
  };
}

async function readRequest(request: IncomingMessage): Promise<WireRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return {
    method: request.method ?? "",
    path: request.url ?? "",
    headers: request.headers,
    body: Buffer.concat(chunks).toString("utf8"),
  };
}

function write(response: ServerResponse, answer: WireAnswer): void {
  if (answer === "hang") return;
  if (answer === "reset") response.socket?.resetAndDestroy();
  else if (answer === "stall") response.writeHead(200, { "Content-Type": "application/json" }).write('{"status":');
  else if (answer === "garbage") {
    response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>Bad gateway</title>");
  } else response.writeHead(answer.status, { ...answer.headers }).end(answer.body);
}

/** A real HTTP server on the loopback whose answers are `answer`'s. */
export async function startHttpFake(port: number, answer: (request: WireRequest) => WireAnswer): Promise<HttpFake> {
  const server = createServer((request, response) => {
    readRequest(request).then(
      (read) => write(response, answer(read)),
      () => response.destroy(),
    );
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
