import { newId } from "../../../kernel/ids.ts";
import { circuitOf, type TripReason } from "../../../ports/circuit-breaker.ts";
import {
  FREE_FAILURES,
  type GeneratedImage,
  type GenerateRequest,
  GenerationError,
  type ImageGenerator,
  PROVIDER_IDS,
  type ProviderId,
} from "../../../ports/image-generator.ts";
import type { Conversion } from "../conversion.ts";
import { CircuitOpenError, circuitOutcome, FAILURE_POLICIES } from "../failures.ts";
import type { CallOutcome } from "../provider-calls.ts";
import type { ConversionWorkerDeps } from "../worker-deps.ts";
import { unlessAborted } from "./unless-aborted.ts";

type GenerateDeps = Pick<
  ConversionWorkerDeps,
  "config" | "clock" | "logger" | "background" | "alerts" | "calls" | "circuits" | "generators"
>;

export interface Generated {
  readonly image: GeneratedImage;
  readonly provider: ProviderId;
  /** Of a lower quality class than was asked for, or by its nature. */
  readonly degraded: boolean;
}

/** The job a generation is for. */
export interface GenerateJob {
  readonly conversion: Conversion;
  /** Fires when the job is taken away. */
  readonly signal: AbortSignal;
  /** Tells which provider is about to be asked. */
  readonly onProvider: (provider: ProviderId) => Promise<void>;
}

export function wantedProvider(deps: Pick<GenerateDeps, "config">, conversion: Conversion): ProviderId {
  return conversion.input.providerRequested ?? deps.config.providers.default;
}

/** Who may make the picture: the one that was wanted, then, where the request allows it, those of lower quality. */
function candidates(deps: Pick<GenerateDeps, "config">, conversion: Conversion): ProviderId[] {
  const wanted = wantedProvider(deps, conversion);
  if (conversion.input.fallback !== "allow") return [wanted];
  // PROVIDER_IDS goes from the best quality class to the least.
  const lower = PROVIDER_IDS.slice(PROVIDER_IDS.indexOf(wanted) + 1);
  return [wanted, ...lower.filter((id) => deps.config.providers.available.includes(id))];
}

/**
 * Makes the picture, by another provider only where the request allows it and the failure permits it.
 * @throws {GenerationError} the wanted provider's, unless another one's settles the matter.
 */
export async function generate(deps: GenerateDeps, job: GenerateJob, request: GenerateRequest): Promise<Generated> {
  let first: GenerationError | null = null;
  for (const provider of candidates(deps, job.conversion)) {
    try {
      await job.onProvider(provider);
      const image = await ask(deps, job, provider, request);
      return { image, provider, degraded: image.degraded || first !== null };
    } catch (error) {
      if (!(error instanceof GenerationError) || !FAILURE_POLICIES[error.failure].mayFallBack) throw error;
      first ??= error;
    }
  }
  throw first;
}

async function ask(
  deps: GenerateDeps,
  job: GenerateJob,
  provider: ProviderId,
  request: GenerateRequest,
): Promise<GeneratedImage> {
  const generator = deps.generators.get(provider);
  if (generator === undefined) {
    deps.alerts.raise({
      name: "provider_misconfigured",
      about: provider,
      what: `A conversion wanted ${provider}, which is not set up in the consumer`,
      todo: "Set the provider's secret on the consumer, or take it out of PROVIDERS",
    });
    throw new GenerationError("config", `no provider ${provider} in this deployment`);
  }
  // Nothing outside is asked: there is no circuit to open, and nothing to pay.
  if (generator.expectedCostMicros(request.kind) === 0) return call(deps, job, generator, request);
  return callGuarded(deps, job, generator, request);
}

/** The call itself, within its time whatever the provider makes of the signal. */
async function call(
  deps: GenerateDeps,
  { conversion, signal }: GenerateJob,
  generator: ImageGenerator,
  request: GenerateRequest,
): Promise<GeneratedImage> {
  const timeout = new AbortController();
  const leftMs = conversion.deadlineAt - deps.clock.now();
  const timer = setTimeout(
    () => timeout.abort(new GenerationError("timeout", "the provider took too long")),
    Math.min(deps.config.conversions.providerTimeoutMs, leftMs),
  );
  const either = AbortSignal.any([signal, timeout.signal]);
  try {
    return await unlessAborted(generator.generate(request, { signal: either }), either);
  } finally {
    clearTimeout(timer);
  }
}

/** A call that leaves the house: admitted by its circuit, held against the budget, on record, and reported. */
async function callGuarded(
  deps: GenerateDeps,
  job: GenerateJob,
  generator: ImageGenerator,
  request: GenerateRequest,
): Promise<GeneratedImage> {
  const { conversion, signal } = job;
  const model = generator.modelFor(request.kind);
  const circuit = circuitOf(generator.id, model);
  const admission = await deps.circuits.admit(circuit);
  if (!admission.allowed) throw new CircuitOpenError(circuit, admission.reason, admission.retryAfterMs);
  const { pass } = admission;
  const report = (outcome: Parameters<typeof deps.circuits.report>[1]) =>
    deps.background(deps.circuits.report(pass, outcome).then((change) => tell(deps, circuit, change)));

  const startedAt = deps.clock.now();
  const id = newId("pcl", startedAt);
  const begun = await deps.calls.begin({
    id,
    conversionId: conversion.id,
    attempt: conversion.attempt,
    provider: generator.id,
    model,
    expectedMicros: generator.expectedCostMicros(request.kind),
    budgetMicros: deps.config.providers.dailyBudgetMicros,
    startedAt,
  });
  if (!begun) {
    const retryAfterMs = untilTomorrow(startedAt);
    report({ kind: "trip", reason: "budget", retryAfterMs });
    throw new CircuitOpenError(circuit, "budget", retryAfterMs);
  }

  const settle = (outcome: Exclude<CallOutcome, "pending">, usage: GeneratedImage["usage"], free = false) =>
    deps.calls.settle(id, { outcome, usage, free, endedAt: deps.clock.now() }).catch(() => {
      // The call goes on counting what it was expected to cost.
      deps.logger.log("warn", "a provider call was not settled", { conversionId: conversion.id, call: id });
    });
  try {
    const image = await call(deps, job, generator, request);
    report({ kind: "success" });
    await settle("success", image.usage);
    return image;
  } catch (error) {
    if (signal.aborted || !(error instanceof GenerationError)) {
      report({ kind: "neutral" });
      await settle("aborted", null);
      throw error;
    }
    report(circuitOutcome(error));
    await settle(error.failure, error.usage, FREE_FAILURES.has(error.failure));
    throw error;
  }
}

function untilTomorrow(now: number): number {
  const dayMs = 24 * 60 * 60_000;
  return dayMs - (now % dayMs);
}

const TODO: Record<TripReason, string> = {
  failures: "Look at the provider's status page; jobs wait or fall back until it answers again",
  rate_limited: "Ask the provider for a higher limit if this happens often",
  quota_day: "The provider's quota of the day is spent: raise it, or wait for its reset",
  config: "Check the provider's key, model id and billing: a model may have been retired",
  budget: "Raise PROVIDER_DAILY_BUDGET, or wait for the next UTC day",
  forced: "An admin holds it open",
};

function tell(deps: GenerateDeps, circuit: string, change: TripReason | "closed" | null): void {
  if (change === null) return;
  if (change === "closed") return deps.logger.log("info", "circuit closed", { circuit });
  deps.alerts.raise({
    name: change === "budget" ? "budget_spent" : "circuit_opened",
    about: circuit,
    what: `The circuit ${circuit} opened: ${change}`,
    todo: TODO[change],
  });
}
