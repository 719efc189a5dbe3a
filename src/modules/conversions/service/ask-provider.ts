import { newId } from "../../../kernel/ids.ts";
import { SlotBusyError } from "../../../kernel/slot.ts";
import { newTrace } from "../../../kernel/trace-context.ts";
import { unlessAborted } from "../../../kernel/unless-aborted.ts";
import { type CircuitOutcome, circuitOf, type TripReason } from "../../../ports/circuit-breaker.ts";
import {
  FREE_FAILURES,
  type GeneratedImage,
  type GenerateRequest,
  GenerationError,
  type ImageGenerator,
  type ProviderId,
} from "../../../ports/image-generator.ts";
import type { Conversion } from "../conversion.ts";
import { CircuitOpenError, circuitOutcome } from "../failures.ts";
import type { CallOutcome } from "../provider-calls.ts";
import type { ConversionWorkerDeps } from "../worker-deps.ts";

export type ProviderDeps = Pick<
  ConversionWorkerDeps,
  "config" | "clock" | "logger" | "metrics" | "tracer" | "background" | "alerts" | "calls" | "circuits" | "generators"
>;

/** The job that a provider is asked for. */
export interface ProviderJob {
  readonly conversion: Conversion;
  /** Fires when the job is taken away. */
  readonly signal: AbortSignal;
  /** The request, with its pictures: fetched only once somebody may be asked. */
  readonly request: () => Promise<GenerateRequest>;
  /** Tells which provider is being asked. */
  readonly onProvider: (provider: ProviderId) => Promise<void>;
}

/**
 * Asks one provider for the picture.
 * @throws {GenerationError} for every failure; {@link CircuitOpenError} where no call was made.
 */
export async function askProvider(deps: ProviderDeps, job: ProviderJob, provider: ProviderId): Promise<GeneratedImage> {
  const generator = deps.generators.get(provider);
  if (generator === undefined) return notSetUp(deps, provider);
  return generator.outside
    ? callGuarded(deps, job, generator)
    : watchedCall(deps, job, generator, await prepare(job, provider));
}

/** A provider that was meant to be there and isn't: its circuits open, which tells operators and the status page. */
async function notSetUp(deps: ProviderDeps, provider: ProviderId): Promise<never> {
  const error = new GenerationError("config", `no provider ${provider} in this deployment: its key is missing`);
  for (const { model, ...meant } of deps.config.providers.models) {
    if (meant.provider !== provider) continue;
    const report = await admit(deps, circuitOf(provider, model));
    report(circuitOutcome(error), error.message);
  }
  throw error;
}

async function prepare(job: ProviderJob, provider: ProviderId): Promise<GenerateRequest> {
  const request = await job.request();
  await job.onProvider(provider);
  return request;
}

/** {@link call}, as a span of the trace, an event of the log and a sample of the metrics. */
async function watchedCall(
  deps: ProviderDeps,
  job: ProviderJob,
  generator: ImageGenerator,
  request: GenerateRequest,
): Promise<GeneratedImage> {
  const about = { provider: generator.id, model: generator.modelFor(job.conversion.input.kind) };
  const startedAt = deps.clock.now();
  const tell = (outcome: CallOutcome | "no_room") => {
    const durationMs = Math.max(0, deps.clock.now() - startedAt);
    deps.metrics.time("provider_request_duration_seconds", { ...about, outcome }, durationMs);
    const { spanId } = newTrace();
    const level = outcome === "success" ? "info" : "warn";
    deps.logger.log(level, "provider call", { ...about, attempt: job.conversion.attempt, outcome, spanId, durationMs });
  };
  try {
    const image = await deps.tracer.span("provider.call", about, () => call(deps, job, generator, request));
    tell("success");
    return image;
  } catch (error) {
    if (error instanceof SlotBusyError) tell("no_room");
    else tell(error instanceof GenerationError && !job.signal.aborted ? error.failure : "aborted");
    throw error;
  }
}

/** The call itself, within its time whatever the provider makes of the signal. */
async function call(
  deps: ProviderDeps,
  { signal }: ProviderJob,
  generator: ImageGenerator,
  request: GenerateRequest,
): Promise<GeneratedImage> {
  const timeout = new AbortController();
  const timer = setTimeout(
    () => timeout.abort(new GenerationError("timeout", `${generator.id} took too long`)),
    deps.config.conversions.providerTimeoutMs,
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
type Settle = (
  outcome: Exclude<CallOutcome, "pending">,
  usage: GeneratedImage["usage"],
  notMade?: boolean,
) => Promise<void>;

/** A call that leaves the house: admitted by its circuit, held against the budget, on record, and reported. */
async function callGuarded(deps: ProviderDeps, job: ProviderJob, generator: ImageGenerator): Promise<GeneratedImage> {
  const report = await admit(deps, circuitOf(generator.id, generator.modelFor(job.conversion.input.kind)));
  let settle: Settle | null = null;
  try {
    const request = await unlessAborted(prepare(job, generator.id), job.signal);
    settle = await begin(deps, job, generator);
    const image = await watchedCall(deps, job, generator, request);
    report({ kind: "success" });
    // Not waited for: a picture that was paid for goes first.
    deps.background(settle("success", image.usage));
    return image;
  } catch (error) {
    if (error instanceof CircuitOpenError) {
      report(error.outcome);
      throw error;
    }
    if (settle === null || job.signal.aborted || !(error instanceof GenerationError)) {
      report({ kind: "neutral" });
      // Whoever waits for this job may have gone already.
      if (settle) deps.background(settle("aborted", null, error instanceof SlotBusyError));
      throw error;
    }
    report(circuitOutcome(error), error.message);
    await settle(error.failure, error.usage);
    throw error;
  }
}

/** @throws {CircuitOpenError} when no call may be made now. @returns how to report what becomes of the one that may. */
async function admit(deps: ProviderDeps, circuit: string): Promise<Report> {
  const admission = await deps.circuits.admit(circuit);
  if (!admission.allowed) throw new CircuitOpenError(circuit, admission.reason, admission.retryAfterMs);
  return (outcome, cause) =>
    deps.background(deps.circuits.report(admission.pass, outcome).then((change) => tell(deps, circuit, change, cause)));
}

/**
 * Puts the call on record. @returns how to settle it.
 * @throws {CircuitOpenError} when the day's budget has no room for it, or none until other calls have ended.
 */
async function begin(deps: ProviderDeps, { conversion }: ProviderJob, generator: ImageGenerator): Promise<Settle> {
  const { kind } = conversion.input;
  const model = generator.modelFor(kind);
  const startedAt = deps.clock.now();
  const id = newId("pcl", startedAt);
  const admission = await deps.calls.begin({
    id,
    conversionId: conversion.id,
    attempt: conversion.attempt,
    provider: generator.id,
    model,
    expectedMicros: generator.expectedCostMicros(kind),
    budgetMicros: deps.config.providers.dailyBudgetMicros,
    startedAt,
  });
  if (admission !== "begun") throw overBudget(circuitOf(generator.id, model), admission, startedAt);
  return (outcome, usage, notMade = false) => {
    const free = notMade || (FREE_FAILURES as ReadonlySet<string>).has(outcome);
    return deps.calls.settle(id, { outcome, usage, free, endedAt: deps.clock.now() }).catch(() => {
      // The call goes on counting what it was expected to cost.
      deps.logger.log("warn", "a provider call was not settled", { conversionId: conversion.id, call: id });
    });
  };
}

/** A spent budget opens the circuit; one that is only reserved is waited for. */
function overBudget(circuit: string, admission: "full" | "spent", now: number): CircuitOpenError {
  if (admission === "full") return new CircuitOpenError(circuit, "failures", BUDGET_WAIT_MS, { kind: "neutral" });
  const retryAfterMs = Math.min(untilTomorrow(now), BUDGET_LOOK_MS);
  return new CircuitOpenError(circuit, "budget", retryAfterMs, { kind: "trip", reason: "budget", retryAfterMs });
}

/** How soon to look whether calls under way have left some of what was held for them. */
const BUDGET_WAIT_MS = 10_000;
/** How soon to look whether somebody has raised the budget. */
const BUDGET_LOOK_MS = 60 * 60_000;

function untilTomorrow(now: number): number {
  const dayMs = 24 * 60 * 60_000;
  return dayMs - (now % dayMs);
}

const ADVICE: Record<TripReason, string> = {
  failures: "Look at the provider's status page; jobs wait or fall back until it answers again",
  rate_limited: "Ask the provider for a higher limit if this happens often",
  quota_day: "The provider's quota of the day is spent: raise it, or wait for its reset",
  config: "Check the provider's key, model id and billing: a model may have been retired",
  budget: "Raise PROVIDER_DAILY_BUDGET and force the circuit closed and back to auto, or wait for the next UTC day",
  forced: "An admin holds it open",
};

function tell(deps: ProviderDeps, circuit: string, change: TripReason | "closed" | null, cause?: string): void {
  if (change === "closed") deps.logger.log("info", "circuit closed", { circuit });
  if (change === null || change === "closed") return;
  deps.alerts.raise({
    name: change === "budget" ? "budget_spent" : "circuit_opened",
    about: circuit,
    what: `The circuit ${circuit} opened: ${change}${cause === undefined ? "" : ` (${cause})`}`,
    advice: ADVICE[change],
  });
}
