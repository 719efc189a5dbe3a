/** What becomes of a conversion: most succeed, and those that don't have their reasons. */
import type { ConversionInput, ConversionKind } from "../../src/modules/conversions/conversion.ts";
import { LEASE_MS } from "../../src/modules/conversions/conversion.ts";
import type { FailureCode } from "../../src/modules/conversions/failures.ts";
import { FAILURE_POLICIES } from "../../src/modules/conversions/failures.ts";
import type { StageTimes } from "../../src/modules/conversions/stage-timings.ts";
import {
  FREE_FAILURES,
  type GenerationFailure,
  type GenerationUsage,
  type ProviderId,
} from "../../src/ports/image-generator.ts";
import { pricesFor } from "../../src/providers/gemini/prices.ts";
import { expectedCost, usageOf } from "../../src/providers/gemini/usage.ts";
import { DEADLINE_MS, type Job, type Picture } from "./job.ts";
import type { Random } from "./random.ts";

const GEMINI_MODEL = "gemini-3.1-flash-image";
const PRICES = pricesFor(GEMINI_MODEL, null);
const WORKERS_AI_MICROS = 19_000;
const TIMEOUT_MS = 90_000;
const MAX_ATTEMPTS = 4;
/** A worker that died is noticed when its lease is over and the next message comes. */
const NOTICED_MS = 5_000;

const MODELS: Readonly<Record<ProviderId, string>> = {
  gemini: GEMINI_MODEL,
  "workers-ai": "@cf/black-forest-labs/flux-2-klein-9b",
  local: "local-engine/3",
};

/** Typical milliseconds: fetching, generating, encoding, storing. */
const TYPICAL: Readonly<Record<ProviderId, readonly [number, number, number, number]>> = {
  gemini: [140, 6_500, 220, 90],
  "workers-ai": [140, 3_800, 220, 90],
  local: [60, 520, 180, 60],
};

/** The service of this story has a key of Gemini: whoever asks for nobody is served by it. */
const DEFAULT_PROVIDER: ProviderId = "gemini";

type Outcome = "succeeded" | "canceled" | "expired" | "lost" | GenerationFailure;

const OUTCOMES: readonly (readonly [number, Outcome])[] = [
  [885, "succeeded"],
  [38, "canceled"],
  [12, "expired"],
  [19, "blocked"],
  [12, "no_image"],
  [9, "unavailable"],
  [8, "timeout"],
  [7, "quota_day"],
  [7, "invalid_input"],
  [3, "lost"],
];

/** What a user's conversions have around them. */
export interface World {
  /** How long the stages have taken so far, as the service goes by it. */
  usual(kind: ConversionKind, provider: ProviderId): StageTimes;
  /** The result of an input. */
  picture(input: ConversionInput): Picture;
  readonly retentionMs: number | null;
}

function geminiUsage(random: Random, hasPicture: boolean): GenerationUsage | null {
  const prompt = random.between(280, 2_400);
  const image = hasPicture ? 1_120 : 0;
  const details = [{ modality: "IMAGE", tokenCount: image }];
  const total = { totalTokenCount: prompt + image + random.between(0, 400) };
  const metadata = { promptTokenCount: prompt, candidatesTokensDetails: details, ...total };
  return usageOf({ usageMetadata: metadata }, PRICES, hasPicture);
}

function usageFor(random: Random, provider: ProviderId, outcome: GenerationFailure | "success" | "aborted") {
  if (!["success", "blocked", "no_image"].includes(outcome)) return null;
  if (provider === "gemini") return geminiUsage(random, outcome === "success");
  return { promptTokens: 0, outputTokens: 0, costMicros: WORKERS_AI_MICROS };
}

/** Puts a call on record, where the provider is one that costs money. */
function recordCall(
  random: Random,
  job: Job,
  provider: ProviderId,
  times: { readonly startedAt: number; readonly endedAt: number },
  outcome: GenerationFailure | "success" | "aborted",
): void {
  if (provider === "local") return;
  const expectedMicros = provider === "gemini" ? expectedCost(PRICES) : WORKERS_AI_MICROS;
  const usage = usageFor(random, provider, outcome);
  const free = (FREE_FAILURES as ReadonlySet<string>).has(outcome);
  const costMicros = free ? 0 : (usage?.costMicros ?? expectedMicros);
  job.call(provider, MODELS[provider], times, { outcome, usage, costMicros, expectedMicros });
}

function durations(random: Random, provider: ProviderId): [number, number, number, number] {
  const [fetching, generating, encoding, storing] = TYPICAL[provider];
  return [
    random.about(fetching, 1.8),
    random.about(generating, 1.5),
    random.about(encoding, 1.6),
    random.about(storing, 1.8),
  ];
}

/** From a claim to the stored result. `takesOver`: the wanted provider failed first, and the request lets others do it. */
function succeed(random: Random, world: World, job: Job, input: ConversionInput, at: number, wanted: ProviderId): void {
  const takesOver = input.fallback === "allow" && wanted !== "local" && random.chance(0.03);
  const [fetchingMs, generatingMs, encodingMs, storingMs] = durations(random, takesOver ? "local" : wanted);
  if (!job.claim(at, world.usual(input.kind, wanted))) return;
  let now = job.pass("fetching", at, fetchingMs);
  if (now === null) return;
  if (takesOver) {
    const failedAt = now + random.about(900, 2);
    recordCall(random, job, wanted, { startedAt: now, endedAt: failedAt }, "unavailable");
    now = job.pass("generating", now, failedAt - now);
    if (now === null) return;
  }
  const provider = takesOver ? "local" : wanted;
  recordCall(random, job, provider, { startedAt: now, endedAt: now + generatingMs }, "success");
  now = job.pass("generating", now, generatingMs);
  now = now && job.pass("encoding", now, encodingMs);
  now = now && job.pass("storing", now, storingMs);
  if (now === null) return;
  const degraded = takesOver || (provider === "local" && input.kind === "tryon");
  const { retentionMs } = world;
  job.succeed(now, { provider, model: MODELS[provider], degraded, picture: world.picture(input), retentionMs });
}

/** One attempt that fails. @returns when, or null when it has not yet. */
function failedAttempt(
  random: Random,
  world: World,
  job: Job,
  input: ConversionInput,
  options: { readonly at: number; readonly provider: ProviderId; readonly failure: GenerationFailure },
): number | null {
  const { at, provider, failure } = options;
  if (!job.claim(at, world.usual(input.kind, provider))) return null;
  const [fetchingMs, generatingMs] = durations(random, provider);
  const quick = failure !== "no_image" && failure !== "blocked";
  const callMs = failure === "timeout" ? TIMEOUT_MS : quick ? random.about(700, 2) : generatingMs;
  const startedAt = job.pass("fetching", at, fetchingMs);
  if (startedAt === null) return null;
  recordCall(random, job, provider, { startedAt, endedAt: startedAt + callMs }, failure);
  return job.pass("generating", startedAt, callMs);
}

/** As many attempts as the failure's class allows, and then its code. */
function failFor(
  random: Random,
  world: World,
  job: Job,
  input: ConversionInput,
  options: { readonly at: number; readonly provider: ProviderId; readonly failure: GenerationFailure },
): void {
  const { provider, failure } = options;
  const { code, retry } = FAILURE_POLICIES[failure];
  const attempts = { never: 1, once: 2, attempts: MAX_ATTEMPTS }[retry];
  let at = options.at;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const failedAt = failedAttempt(random, world, job, input, { at, provider, failure });
    if (failedAt === null) return;
    if (attempt === attempts) job.fail(failedAt, code);
    else {
      const notBefore = failedAt + random.between(200, attempt === 1 ? 1_000 : 1_000 * 2 ** attempt);
      if (!job.requeue(failedAt, code, failure, notBefore)) return;
      at = notBefore + random.between(50, 900);
    }
  }
}

/** Each worker dies at it, and the last message finds its attempts used up. */
function beLost(
  random: Random,
  world: World,
  job: Job,
  input: ConversionInput,
  from: number,
  wanted: ProviderId,
): void {
  let at = from;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    if (!job.claim(at, world.usual(input.kind, wanted))) return;
    at += LEASE_MS + random.between(100, NOTICED_MS);
  }
  const code: FailureCode = "worker_lost";
  if (job.claim(at, world.usual(input.kind, wanted), { spent: true })) job.fail(at + random.between(20, 200), code);
}

function beCanceled(
  random: Random,
  world: World,
  job: Job,
  input: ConversionInput,
  at: number,
  wanted: ProviderId,
): void {
  const canceledAt = at + random.about(1_500, 2);
  if (random.chance(0.4) || wanted === "local") {
    job.cancel(at - 1);
    return;
  }
  if (!job.claim(at, world.usual(input.kind, wanted))) return;
  const startedAt = job.pass("fetching", at, 100);
  if (startedAt === null) return;
  recordCall(random, job, wanted, { startedAt, endedAt: canceledAt + 500 }, "aborted");
  if (job.pass("generating", startedAt, Math.max(1, canceledAt - startedAt)) !== null) job.cancel(canceledAt + 200);
}

/** Lives a job's life up to its end, or as far as time has come. */
export function live(random: Random, world: World, job: Job, input: ConversionInput): void {
  const { createdAt } = job.row;
  const provider = input.providerRequested ?? DEFAULT_PROVIDER;
  const outcome = random.weighted(OUTCOMES);
  const at = createdAt + random.about(700, 2.2);
  if (outcome === "succeeded") succeed(random, world, job, input, at, provider);
  else if (outcome === "canceled") beCanceled(random, world, job, input, at, provider);
  else if (outcome === "expired") job.expire(createdAt + DEADLINE_MS + random.between(0, 60_000));
  else if (outcome === "lost") beLost(random, world, job, input, at, provider);
  // Nothing outside is asked, so nothing but the pictures can be wrong.
  else failFor(random, world, job, input, { at, provider, failure: provider === "local" ? "invalid_input" : outcome });
}
