import { describeError } from "../../../kernel/describe-error.ts";
import { sha256Hex } from "../../../kernel/encoding.ts";
import { resultImageId } from "../../../kernel/ids.ts";
import { SlotBusyError } from "../../../kernel/slot.ts";
import { IMAGE_MIMES } from "../../../ports/image-codec.ts";
import {
  type GenerateRequest,
  GenerationError,
  PROVIDER_IDS,
  type SourceImage,
} from "../../../ports/image-generator.ts";
import type { ObjectMetadata } from "../../../ports/object-store.ts";
import { answerKey, type Conversion, resultKeys, WORK_STAGES } from "../conversion.ts";
import type { Claim, StoredResult } from "../repository.ts";
import { type StageTimes, usualTimes } from "../stage-timings.ts";
import type { ConversionWorkerDeps, FinishedPicture } from "../worker-deps.ts";
import { type Generated, generate } from "./generate.ts";
import type { HeldJob } from "./hold-lease.ts";

/** Created is 1, claimed 2: before that there was no other attempt. */
const FIRST_CLAIM_VERSION = 2;

/** What an earlier attempt stored for this conversion, or null. */
export async function adoptResult(
  deps: Pick<ConversionWorkerDeps, "objects">,
  conversion: Conversion,
): Promise<StoredResult | null> {
  const stored = await deps.objects.head(resultKeys(conversion.id).original);
  return stored && fromMetadata(conversion.id, stored.mime, stored.size, stored.metadata);
}

function fromMetadata(id: string, mime: string, bytes: number, metadata: ObjectMetadata): StoredResult {
  return {
    imageId: resultImageId(id),
    mime: IMAGE_MIMES.find((known) => known === mime) ?? "image/jpeg",
    bytes,
    width: Number(metadata.width),
    height: Number(metadata.height),
    sha256: metadata.sha256 ?? "",
    provider: PROVIDER_IDS.find((known) => known === metadata.provider) ?? "local",
    model: metadata.model ?? "",
    degraded: metadata.degraded === "true",
  };
}

export interface Produced {
  readonly result: StoredResult;
  /** How long each stage took; null where an earlier attempt had done some of the work. */
  readonly times: StageTimes | null;
}

/** Makes and stores the result, or adopts what is stored already. The result's thumbnails are stored before it. */
export async function produceResult(deps: ConversionWorkerDeps, claim: Claim, job: HeldJob): Promise<Produced> {
  const { conversion } = claim;
  const adopted = await adoptResult(deps, conversion);
  if (adopted) return { result: adopted, times: null };
  const isFirst = conversion.version === FIRST_CLAIM_VERSION;
  const kept = isFirst ? null : await adoptAnswer(deps, conversion);
  if (kept) return { result: await makeResult(deps, conversion, job, kept), times: null };
  const made = await generateAnew(deps, claim, job, isFirst);
  const result = await makeResult(deps, conversion, job, made);
  const { kind } = conversion.input;
  const { provider } = made;
  const times = job.times();
  for (const stage of WORK_STAGES) {
    deps.metrics.time("conversion_stage_duration_seconds", { kind, provider, stage }, times[stage]);
  }
  return { result, times };
}

/** The result of what earlier attempts left: a stored result, or an answer that was paid for. Null without either. */
export async function finishAnswer(
  deps: ConversionWorkerDeps,
  conversion: Conversion,
  job: HeldJob,
): Promise<StoredResult | null> {
  const adopted = await adoptResult(deps, conversion);
  if (adopted) return adopted;
  const kept = await adoptAnswer(deps, conversion);
  return kept && makeResult(deps, conversion, job, kept);
}

export async function hasAnswer(deps: Pick<ConversionWorkerDeps, "objects">, { id }: Conversion): Promise<boolean> {
  return (await deps.objects.head(answerKey(id))) !== null;
}

/** `isKept`: whether the next attempt would find it, too. */
interface Answer extends Generated {
  readonly isKept: boolean;
}

async function makeResult(
  deps: ConversionWorkerDeps,
  conversion: Conversion,
  job: HeldJob,
  answer: Answer,
): Promise<StoredResult> {
  await job.advance("encoding");
  const { provider } = answer;
  const picture = await deps.tracer.span("conversion.encode", { provider }, () => finish(deps, conversion, answer));
  await job.advance("storing");
  return deps.tracer.span("conversion.store", { provider }, () => store(deps, conversion, answer, picture));
}

/** A provider's answer that an earlier attempt has paid for, or null. */
async function adoptAnswer(
  deps: Pick<ConversionWorkerDeps, "objects">,
  { id }: Pick<Conversion, "id">,
): Promise<Answer | null> {
  const stored = await deps.objects.get(answerKey(id));
  if (!stored) return null;
  const { provider, model, degraded } = fromMetadata(id, stored.mime, stored.size, stored.metadata);
  const mime = IMAGE_MIMES.find((known) => known === stored.mime) ?? "image/png";
  const image = { bytes: await stored.bytes(), mime, model, degraded, usage: null };
  return { image, provider, degraded, isKept: true };
}

async function generateAnew(deps: ConversionWorkerDeps, claim: Claim, job: HeldJob, isFirst: boolean): Promise<Answer> {
  const { conversion, times } = claim;
  // The attempt that was blocked may have died before it could say so; nobody else is asked then either.
  if (!isFirst && (await deps.calls.ofConversion(conversion.id)).some(({ outcome }) => outcome === "blocked")) {
    throw new GenerationError("blocked", "an earlier attempt was blocked");
  }
  let request: Promise<GenerateRequest> | null = null;
  let isKept = true;
  const made = await generate(deps, {
    conversion,
    signal: job.signal,
    request: () => {
      request ??= deps.tracer.span("conversion.fetch", {}, () => fetchSources(deps, claim));
      return request;
    },
    async onProvider(provider) {
      job.expect(times.get(provider) ?? usualTimes(provider));
      await job.advance("generating");
    },
    async keep(answer) {
      const kept = await keepAnswer(deps, conversion, answer);
      isKept = kept.isKept;
      return kept;
    },
  });
  return { ...made, isKept };
}

/** Create-only: of two answers that were paid for the first one is used, by both. */
async function keepAnswer(deps: ConversionWorkerDeps, conversion: Conversion, made: Generated): Promise<Answer> {
  const { image, provider, degraded } = made;
  const metadata = { provider, model: image.model, degraded: String(degraded) };
  try {
    if (await deps.objects.create(answerKey(conversion.id), image.bytes, { mime: image.mime, metadata })) {
      return { ...made, isKept: true };
    }
    return (await adoptAnswer(deps, conversion)) ?? { ...made, isKept: false };
  } catch (error) {
    deps.logger.log("warn", "an answer was not kept", { conversionId: conversion.id, cause: describeError(error) });
    return { ...made, isKept: false };
  }
}

/** An answer that turns out to be no picture is not kept for the next attempt. */
async function finish(deps: ConversionWorkerDeps, conversion: Conversion, { image, provider, isKept }: Answer) {
  try {
    return await deps.pictures.finish(image, { outputMime: conversion.input.outputMime, provider });
  } catch (error) {
    if (error instanceof GenerationError) await deps.objects.delete([answerKey(conversion.id)]);
    // Waiting for room costs no attempt; paying for the picture again does.
    if (error instanceof SlotBusyError && !isKept) throw new Error("no room for an answer that was not kept");
    throw error;
  }
}

function fetchSource(deps: ConversionWorkerDeps, { sources }: Claim, imageId: string): Promise<SourceImage> {
  return deps.pictures.shrink(async () => {
    const image = sources.get(imageId);
    const object = image && (await deps.objects.get(image.originalKey));
    if (!image || !object) throw new GenerationError("invalid_input", "a source image is gone");
    const { mime, width, height } = image;
    return { bytes: await object.bytes(), mime, width, height };
  });
}

async function fetchSources(deps: ConversionWorkerDeps, claim: Claim): Promise<GenerateRequest> {
  const { conversion } = claim;
  const { input } = conversion;
  const common = {
    conversionId: conversion.id,
    person: await fetchSource(deps, claim, input.personImageId),
    prompt: input.prompt,
    seed: input.seed,
    outputMime: input.outputMime,
    imageOnly: conversion.lastFailure === "no_image",
  };
  if (input.garmentImageId !== null) {
    const garment = await fetchSource(deps, claim, input.garmentImageId);
    return { ...common, kind: "tryon", garment, category: input.category ?? "auto" };
  }
  const style =
    input.styleImageId !== null
      ? { image: await fetchSource(deps, claim, input.styleImageId) }
      : { preset: input.stylePreset ?? "" };
  return { ...common, kind: "style", style };
}

/** Create-only: of two workers that made a result, the first one's stays, and both report that one. */
async function store(
  deps: Pick<ConversionWorkerDeps, "objects">,
  conversion: Conversion,
  { image, provider, degraded }: Generated,
  picture: FinishedPicture,
): Promise<StoredResult> {
  const keys = resultKeys(conversion.id);
  const { bytes, mime } = picture;
  const metadata = {
    width: String(picture.width),
    height: String(picture.height),
    sha256: await sha256Hex(bytes),
    provider,
    model: image.model,
    degraded: String(degraded),
  };
  const storeThumbnails = () =>
    Promise.all([
      deps.objects.create(keys.thumbnail, picture.thumbnail, { mime: "image/webp" }),
      deps.objects.create(keys.smallThumbnail, picture.smallThumbnail, { mime: "image/webp" }),
    ]);
  if ((await storeThumbnails()).includes(false)) {
    const first = await adoptResult(deps, conversion);
    if (first) return first;
    // Of an attempt that came no further: its picture may have been another provider's.
    await deps.objects.delete([keys.thumbnail, keys.smallThumbnail]);
    await storeThumbnails();
  }
  if (await deps.objects.create(keys.original, bytes, { mime, metadata })) {
    return fromMetadata(conversion.id, mime, bytes.byteLength, metadata);
  }
  const first = await adoptResult(deps, conversion);
  if (!first) throw new Error("a result was there and is gone");
  return first;
}
