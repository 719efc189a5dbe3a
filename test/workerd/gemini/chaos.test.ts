import { eq } from "drizzle-orm";
import { expect, inject, it } from "vitest";
import { conversions, providerCalls, providerSpend, quotaLedger } from "../../../src/db/d1/schema/index.ts";
import { isTerminal, resultKeys } from "../../../src/modules/conversions/conversion.ts";
import { runConversion, sweepConversions } from "../../../src/modules/conversions/jobs.ts";
import { inspectImage } from "../../../src/modules/images/jobs.ts";
import { circuitOf } from "../../../src/ports/circuit-breaker.ts";
import { createCircuitBreakers } from "../../../src/providers/cloudflare/circuit-breakers.ts";
import { createGeminiGenerator } from "../../../src/providers/gemini/gemini-image-generator.ts";
import { bindings, d1, db } from "../support/database.ts";
import { type WorkerStage, workerStage } from "../support/worker.ts";

const JOBS = 300;
/** So many are under way at a time; each that ends makes room for another. */
const ACTIVE = 16;
const WORKERS = 8;
const SHARES = { unavailable: 0.3, hang: 0.1, empty: 0.05, reset: 0.05 };
const PROVIDER_TIMEOUT_MS = 300;
/** Short, so that many openings and closings fit into the test. */
const BACKOFF_MS = 20;
/** How much faster than the world the jobs' time goes, for the waits between attempts. */
const SPEED = 8;
/** A model of its own: its circuit and its spend are nobody else's. */
const MODEL = "gemini-3-pro-image";

const fake = inject("geminiChaosFake");

async function control(path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(
    `${fake}/__fake/${path}`,
    body === undefined ? {} : { method: "POST", body: JSON.stringify(body) },
  );
  expect(response.status).toBe(200);
  return response.json();
}

/** Makes the jobs, a few at a time, and runs each message when it is due, until all have ended. */
async function runAll(stage: WorkerStage, deps: WorkerStage["deps"], deadlineAt: number): Promise<void> {
  const due: { id: string; at: number }[] = [];
  const active = new Set<string>();
  let made = 0;
  let sweptAt = Date.now();

  async function next(): Promise<string | null> {
    if (made < JOBS && active.size < ACTIVE) {
      made++;
      const id = await stage.newConversion({ deadlineAt });
      active.add(id);
      return id;
    }
    if (Date.now() - sweptAt > 2_000) {
      sweptAt = Date.now();
      await sweepConversions(deps);
    }
    for (const { id, delaySeconds } of stage.sent.splice(0)) {
      due.push({ id, at: Date.now() + (delaySeconds * 1000) / SPEED });
    }
    const index = due.findIndex(({ at }) => at <= Date.now());
    return index === -1 ? null : (due.splice(index, 1)[0]?.id ?? null);
  }

  async function worker(): Promise<void> {
    while (made < JOBS || active.size > 0) {
      const id = await next();
      if (id === null) await new Promise((resolve) => setTimeout(resolve, 10));
      else {
        await runConversion(deps, id);
        const now = await d1.conversions.inspect(id);
        if (now && isTerminal(now.status)) active.delete(id);
      }
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, worker));
  await stage.background();
}

it(`${JOBS} jobs on a provider that fails half of its calls: none is lost, charged twice, or a success without a picture`, async () => {
  await control("chaos", SHARES);
  const startedAt = Date.now();
  const gemini = createGeminiGenerator({
    apiKey: "fake-key",
    baseUrl: fake,
    gatewayToken: null,
    models: { style: MODEL, tryon: MODEL },
    prices: null,
  });
  const stage = await workerStage(gemini);
  const changes: string[] = [];
  const breakers = createCircuitBreakers(bindings.CIRCUIT_BREAKER, { backoffMs: BACKOFF_MS });
  const { config } = stage.deps;
  const deps: WorkerStage["deps"] = {
    ...stage.deps,
    clock: { now: () => startedAt + (Date.now() - startedAt) * SPEED },
    config: {
      ...config,
      conversions: { ...config.conversions, providerTimeoutMs: PROVIDER_TIMEOUT_MS, maxAttempts: 6 },
    },
    circuits: {
      ...breakers,
      async report(pass, outcome) {
        const change = await breakers.report(pass, outcome);
        if (change !== null) changes.push(change);
        return change;
      },
    },
  };
  await runAll(stage, deps, startedAt + 24 * 3_600_000);
  const seconds = (Date.now() - startedAt) / 1000;

  const rows = await db.select().from(conversions).where(eq(conversions.userId, stage.userId));
  const units = await db.select().from(quotaLedger).where(eq(quotaLedger.userId, stage.userId));
  expect(rows).toHaveLength(JOBS);
  expect(rows.filter(({ status }) => !isTerminal(status))).toEqual([]);
  const succeeded = rows.filter(({ status }) => status === "succeeded");
  expect(units).toHaveLength(JOBS);
  expect(
    units
      .filter(({ state }) => state === "committed")
      .map((unit) => unit.conversionId)
      .sort(),
  ).toEqual(succeeded.map(({ id }) => id).sort());
  expect(units.filter(({ state }) => state === "reserved")).toEqual([]);
  for (const { id } of succeeded) {
    const stored = await deps.objects.get(resultKeys(id).original);
    expect(inspectImage((await stored?.bytes()) ?? new Uint8Array())).toMatchObject({ ok: true });
  }
  for (const { id, status, errorCode } of rows.filter((row) => row.status !== "succeeded")) {
    expect([id, status]).toEqual([id, "failed"]);
    expect(["provider_unavailable", "provider_timeout", "no_image"]).toContain(errorCode);
    expect(await deps.objects.head(resultKeys(id).original)).toBeNull();
  }
  const calls = await db.select().from(providerCalls).where(eq(providerCalls.model, MODEL));
  const [spend] = await db.select().from(providerSpend).where(eq(providerSpend.model, MODEL));
  const { counts } = (await control("calls")) as { counts: { requests: number; chaos: Record<string, number> } };
  // No request that is not on record; one that is may have run out of time before it went out.
  expect(counts.requests).toBeLessThanOrEqual(calls.length);
  const answered = calls.filter(({ outcome }) => outcome !== "timeout" && outcome !== "aborted");
  expect(answered.length).toBeLessThanOrEqual(counts.requests);
  expect(spend).toMatchObject({
    calls: calls.length,
    succeeded: succeeded.length,
    costMicros: calls.reduce((sum, call) => sum + call.costMicros, 0),
  });
  expect(changes).toContain("failures");
  expect(changes).toContain("closed");

  const ended = Map.groupBy(rows, ({ status, errorCode }) => errorCode ?? status);
  // biome-ignore lint/suspicious/noConsole: the figures are what the test is for, beside its verdict.
  console.info(
    [
      `${JOBS} jobs in ${seconds.toFixed(1)} s: ${[...ended].map(([how, which]) => `${which.length} ${how}`).join(", ")}`,
      `${calls.length} calls; the fake's doing: ${JSON.stringify(counts.chaos)}`,
      `the circuit opened ${changes.filter((change) => change === "failures").length} times and closed ${changes.filter((change) => change === "closed").length} times`,
      `circuit now: ${(await breakers.state(circuitOf("gemini", MODEL))).state}`,
    ].join("\n"),
  );
}, 300_000);
