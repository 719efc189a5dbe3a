/** The thread of `openLoop`: sends each request when it is due, whether or not others have been answered. */
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import type { OpenLoad, OpenOutcome, TimedAsk } from "./open-loop.ts";

/** More than are ever under way while the service keeps up; what is more waits here, and its latency runs. */
const MAX_SOCKETS = 512;
const KEPT_ERRORS = 3;

/** A service that is this far behind at the end has not kept up: what it still owes counts as failed. */
const PATIENCE_MS = 5_000;

const { url, perSecond, warmUpMs, durationMs, asks } = workerData as OpenLoad;
const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
const { hostname, port } = new URL(url);

/** When request `i` is due, in ms: the rate grows steadily over the warm-up, and stays. */
function dueAt(i: number): number {
  const ramp = (perSecond / 1_000) * (warmUpMs / 2);
  return i < ramp ? warmUpMs * Math.sqrt(i / ramp) : warmUpMs + ((i - ramp) * 1_000) / perSecond;
}

function send({ method, path, headers, body }: TimedAsk): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ agent, hostname, port, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

const latencies: Record<string, number[]> = {};
const wrong: string[] = [];
const ids: string[] = [];
let wrongCount = 0;
let settled = 0;
let lastAt = 0;

function fail(what: string): void {
  wrongCount++;
  if (wrong.length < KEPT_ERRORS && !wrong.includes(what)) wrong.push(what);
}

async function ask(timed: TimedAsk, due: number, startedAt: number): Promise<void> {
  const { kind, expected } = timed;
  try {
    const { status, body } = await send(timed);
    const at = performance.now() - startedAt;
    if (status !== expected) fail(`${kind}: ${status} ${body.slice(0, 200)}`);
    else if (timed.method === "POST") ids.push((JSON.parse(body) as { id: string }).id);
    if (due < warmUpMs) return;
    lastAt = Math.max(lastAt, at);
    latencies[kind] ??= [];
    latencies[kind].push(at - due);
  } catch (error) {
    fail(`${kind}: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    settled++;
  }
}

const startedAt = performance.now();
const underWay: Promise<void>[] = [];
for (let i = 0; dueAt(i) < warmUpMs + durationMs; ) {
  const now = performance.now() - startedAt;
  for (; dueAt(i) <= now && dueAt(i) < warmUpMs + durationMs; i++) {
    underWay.push(ask(asks[i % asks.length] as TimedAsk, dueAt(i), startedAt));
  }
  await sleep(1);
}
const sent = underWay.length;
const patience = setTimeout(() => agent.destroy(), PATIENCE_MS);
// What never got a connection is not ended by the agent.
await Promise.race([Promise.all(underWay), sleep(PATIENCE_MS + 500, undefined, { ref: false })]);
clearTimeout(patience);
agent.destroy();
wrongCount += sent - settled;
parentPort?.postMessage({
  sent,
  answeredMs: lastAt - warmUpMs,
  latencies,
  wrong,
  wrongCount,
  ids,
} satisfies OpenOutcome);
