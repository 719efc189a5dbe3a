/** Fires the cron triggers, which `wrangler dev` leaves to others. */
import { setTimeout as sleep } from "node:timers/promises";

const WORKERS = ["ai-styler-api", "ai-styler-consumer"];
const MINUTE_MS = 60_000;
/** The second sweep comes when every lease of a previous run (at most 30 s) has run out, not only a minute later. */
const EARLY_SWEEPS_MS = [0, 35_000];
/** A reload after a change of the sources takes the Workers away for a moment. */
const ATTEMPTS = 3;

interface SweepAnswer {
  readonly result?: { readonly outcome: string };
  readonly errors?: readonly { readonly message: string }[];
}

/** One run of every scheduled handler, through wrangler's local API. */
export async function sweep(url: string): Promise<void> {
  await Promise.all(WORKERS.map((worker) => fire(url, worker)));
}

async function fire(url: string, worker: string): Promise<void> {
  const response = await fetch(`${url}/cdn-cgi/local/explorer/api/local/scheduled?worker=${worker}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ cron: "* * * * *" }),
    signal: AbortSignal.timeout(MINUTE_MS),
  });
  const answer = (await response.json()) as SweepAnswer;
  const outcome = answer.result?.outcome;
  if (outcome !== "ok") throw new Error(`${worker}: ${answer.errors?.[0]?.message ?? `outcome ${outcome}`}`);
}

/** Sweeps at once, after 35 s, and then every minute, until `signal` aborts; failures are told and not fatal. */
export function scheduleSweeps(url: string, signal: AbortSignal, onFailure: (text: string) => void): void {
  const run = async () => {
    for (let attempt = 1; !signal.aborted; attempt++) {
      const failure = await sweep(url).then(
        () => null,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
      if (failure === null) return;
      if (attempt === ATTEMPTS) return signal.aborted ? undefined : onFailure(`a sweep failed: ${failure}`);
      await sleep(1_000, undefined, { signal, ref: false }).catch(() => {});
    }
  };
  for (const ms of EARLY_SWEEPS_MS) void sleep(ms, undefined, { signal, ref: false }).then(run, () => {});
  const timer = setInterval(run, MINUTE_MS);
  timer.unref();
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}
