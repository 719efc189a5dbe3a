import { describeError } from "../../../kernel/describe-error.ts";
import { newId } from "../../../kernel/ids.ts";
import { SlotBusyError } from "../../../kernel/slot.ts";
import { unlessAborted } from "../../../kernel/unless-aborted.ts";
import { type CircuitOutcome, circuitOf, type TripReason } from "../../../ports/circuit-breaker.ts";
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
  /** The request, with its pictures: fetched only once somebody may be asked. */
  readonly request: () => Promise<GenerateRequest>;
  /** Tells which provider is being asked. */
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
export async function generate(deps: GenerateDeps, job: GenerateJob): Promise<Generated> {
  let first: GenerationError | null = null;
  for (const provider of candidates(deps, job.conversion)) {
    if (first !== null) {
      const fields = { conversionId: job.conversion.id, provider, cause: describeError(first) };
      deps.logger.log("warn", "another provider takes over", fields);
    }
    try {
      const image = await ask(deps, job, provider);
      return { image, provider, degraded: image.degraded || first !== null };
    } catch (error) {
      if (!(error instanceof GenerationError) || !FAILURE_POLICIES[error.failure].mayFallBack) throw error;
      first ??= error;
    }
  }
  throw first;
}

async function ask(deps: GenerateDeps, job: GenerateJob, provider: ProviderId): Promise<GeneratedImage> {
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
  if (generator.expectedCostMicros(job.conversion.input.kind) === 0) {
    return call(deps, job, generator, await prepare(job, provider));
  }
  return callGuarded(deps, job, generator);
}

async function prepare(job: GenerateJob, provider: ProviderId): Promise<GenerateRequest> {
  const request = await job.request();
  await job.onProvider(provider);
  return request;
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
    () => timeout.abort(new GenerationError("timeout", `${generator.id} took too long`)),
    Math.min(deps.config.conversions.providerTimeoutMs, leftMs),
  );
  const either = AbortSignal.any([signal, timeout.signal]);
  try {
    return await unlessAborted(generator.generate(request, { signal: either }), either);
  } finally {
    clearTimeout(timer);
  }
}

/** `cause` is for operators, should the outcome open the circuit. */
type Report = (outcome: CircuitOutcome, cause?: string) => void;

/** A call that leaves the house: admitted by its circuit, held against the budget, on record, and reported. */
async function callGuarded(deps: GenerateDeps, job: GenerateJob, generator: ImageGenerator): Promise<GeneratedImage> {
  const model = generator.modelFor(job.conversion.input.kind);
  const report = await admit(deps, circuitOf(generator.id, model));
  const request = await prepare(job, generator.id).catch((error: unknown) => {
    report({ kind: "neutral" });
    throw error;
  });
  const settle = await begin(deps, job, generator, report);
  try {
    const image = await call(deps, job, generator, request);
    report({ kind: "success" });
    await settle("success", image.usage);
    return image;
  } catch (error) {
    if (job.signal.aborted || !(error instanceof GenerationError)) {
      report({ kind: "neutral" });
      await settle("aborted", null, error instanceof SlotBusyError);
      throw error;
    }
    report(circuitOutcome(error), error.message);
    await settle(error.failure, error.usage);
    throw error;
  }
}

/** @throws {CircuitOpenError} when no call may be made now. @returns how to report what becomes of the one that may. */
async function admit(deps: GenerateDeps, circuit: string): Promise<Report> {
  const admission = await deps.circuits.admit(circuit);
  if (!admission.allowed) throw new CircuitOpenError(circuit, admission.reason, admission.retryAfterMs);
  return (outcome, cause) =>
    deps.background(deps.circuits.report(admission.pass, outcome).then((change) => tell(deps, circuit, change, cause)));
}

/** Puts the call on record. @throws {CircuitOpenError} when the day's budget has no room for it. */
async function begin(deps: GenerateDeps, { conversion }: GenerateJob, generator: ImageGenerator, report: Report) {
  const { kind } = conversion.input;
  const model = generator.modelFor(kind);
  const startedAt = deps.clock.now();
  const id = newId("pcl", startedAt);
  const begun = await deps.calls.begin({
    id,
    conversionId: conversion.id,
    attempt: conversion.attempt,
    provider: generator.id,
    model,
    expectedMicros: generator.expectedCostMicros(kind),
    budgetMicros: deps.config.providers.dailyBudgetMicros,
    startedAt,
  });
  if (!begun) {
    const retryAfterMs = untilTomorrow(startedAt);
    report({ kind: "trip", reason: "budget", retryAfterMs });
    throw new CircuitOpenError(circuitOf(generator.id, model), "budget", retryAfterMs);
  }
  return (outcome: Exclude<CallOutcome, "pending">, usage: GeneratedImage["usage"], notMade = false) => {
    const free = notMade || (FREE_FAILURES as ReadonlySet<string>).has(outcome);
    return deps.calls.settle(id, { outcome, usage, free, endedAt: deps.clock.now() }).catch(() => {
      // The call goes on counting what it was expected to cost.
      deps.logger.log("warn", "a provider call was not settled", { conversionId: conversion.id, call: id });
    });
  };
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

function tell(deps: GenerateDeps, circuit: string, change: TripReason | "closed" | null, cause?: string): void {
  if (change === "closed") deps.logger.log("info", "circuit closed", { circuit });
  if (change === null || change === "closed") return;
  deps.alerts.raise({
    name: change === "budget" ? "budget_spent" : "circuit_opened",
    about: circuit,
    what: `The circuit ${circuit} opened: ${change}${cause === undefined ? "" : ` (${cause})`}`,
    todo: TODO[change],
  });
}
