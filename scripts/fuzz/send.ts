/** Sends what `fetch` would refuse to: repeated headers, bodies of any declared type, methods of any name. */
import { Agent, request } from "node:http";
import type { Answer, SentRequest } from "./request.ts";

const agent = new Agent({ keepAlive: true, maxSockets: 16 });
const TIMEOUT_MS = 60_000;

/** @throws {Error} when the connection breaks or no answer comes in a minute. */
export function send(sent: SentRequest): Promise<Answer> {
  const length = sent.body === null ? [] : [["Content-Length", String(sent.body.length)] as const];
  const headers = [...sent.headers, ...length].flat();
  const { hostname, port, pathname, search, host } = new URL(sent.url);
  return new Promise((resolve, reject) => {
    const outgoing = request({
      agent,
      hostname,
      port,
      path: pathname + search,
      method: sent.method,
      headers: ["Host", host, ...headers],
      timeout: TIMEOUT_MS,
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", reject);
      incoming.on("end", () => {
        const joined = Object.entries(incoming.headersDistinct).map(([name, values = []]) => [name, values.join(", ")]);
        resolve({
          status: incoming.statusCode ?? 0,
          headers: Object.fromEntries(joined),
          body: Buffer.concat(chunks),
        });
      });
    });
    outgoing.end(sent.body ?? undefined);
  });
}

export function closeConnections(): void {
  agent.destroy();
}
