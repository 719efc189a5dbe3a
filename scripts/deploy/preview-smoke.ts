/** Whether a deployed preview serves: the right version, and all that it stands on. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";

/** A new address of workers.dev takes a while to be known everywhere. */
const TIMEOUT_MS = 3 * 60_000;
const PAUSE_MS = 2_000;
const REQUEST_TIMEOUT_MS = 10_000;

const health = z.object({ status: z.literal("ok"), environment: z.string() });
const status = z.object({ status: z.string(), checks: z.record(z.string(), z.looseObject({ status: z.string() })) });

export interface SmokeOptions {
  /** The version that has to answer; null when it isn't known. */
  readonly version: string | null;
  readonly fetch?: typeof fetch | undefined;
  readonly timeoutMs?: number | undefined;
  readonly pauseMs?: number | undefined;
}

async function get(url: string, { fetch: ask = fetch }: SmokeOptions): Promise<{ answer: Response; body: unknown }> {
  const answer = await ask(url, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS), redirect: "manual" });
  const text = await answer.text();
  try {
    return { answer, body: JSON.parse(text) };
  } catch {
    throw new Error(`${url} answers ${answer.status}, and not in JSON`);
  }
}

async function lookOnce(address: string, options: SmokeOptions): Promise<string> {
  const { answer, body } = await get(`${address}/api/health`, options);
  const alive = health.safeParse(body);
  if (answer.status !== 200 || !alive.success) {
    throw new Error(`/api/health answers ${answer.status}: ${JSON.stringify(body).slice(0, 300)}`);
  }
  if (alive.data.environment !== "preview") throw new Error(`it says that it is ${alive.data.environment}`);
  const version = answer.headers.get("X-Worker-Version");
  if (options.version !== null && version !== options.version) {
    throw new Error(`version ${version} answers, and not yet ${options.version}`);
  }
  const { answer: told, body: report } = await get(`${address}/api/status`, options);
  const parsed = status.safeParse(report);
  if (!parsed.success) throw new Error(`/api/status answers ${told.status}`);
  const ill = Object.entries(parsed.data.checks).flatMap(([name, check]) => (check.status === "ok" ? [] : [name]));
  if (told.status !== 200) throw new Error(`/api/status answers ${told.status}; not well: ${ill.join(", ")}`);
  return ill.length === 0 ? "all is well" : `it serves; not well: ${ill.join(", ")}`;
}

/**
 * Asks `/api/health` and `/api/status` until both are as they should be, and says what isn't well.
 * @throws {Error} with the last reason when that takes too long.
 */
export async function waitUntilServed(address: string, options: SmokeOptions): Promise<string> {
  const { timeoutMs = TIMEOUT_MS, pauseMs = PAUSE_MS } = options;
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await lookOnce(address, options);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (Date.now() + pauseMs > deadline) {
        throw new Error(`${address} did not serve within ${timeoutMs / 1000} s: ${reason}`, { cause: error });
      }
      await sleep(pauseMs);
    }
  }
}
