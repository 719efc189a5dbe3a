import { sha256Hex } from "../../../kernel/encoding.ts";
import { resultImageId } from "../../../kernel/ids.ts";
import { IMAGE_MIMES, type ImageMime } from "../../../ports/image-codec.ts";
import {
  type GeneratedImage,
  type GenerateRequest,
  GenerationError,
  type ImageGenerator,
  PROVIDER_IDS,
  type ProviderId,
  type SourceImage,
} from "../../../ports/image-generator.ts";
import type { ObjectMetadata } from "../../../ports/object-store.ts";
import { type Conversion, type ConversionStage, resultKeys } from "../conversion.ts";
import { FAILURE_POLICIES } from "../failures.ts";
import type { StoredResult } from "../repository.ts";
import type { ConversionWorkerDeps } from "../worker-deps.ts";

export type ProducedResult = StoredResult;

interface Progress {
  readonly signal: AbortSignal;
  /** Announces a stage; throws when the job is no longer ours. */
  advance(stage: ConversionStage): Promise<void>;
}

/** What an earlier attempt stored for this conversion, or null. */
export async function adoptResult(deps: ConversionWorkerDeps, conversion: Conversion): Promise<ProducedResult | null> {
  const stored = await deps.objects.head(resultKeys(conversion.id).original);
  return stored && fromMetadata(conversion.id, stored.mime, stored.size, stored.metadata);
}

function fromMetadata(id: string, mime: string, bytes: number, metadata: ObjectMetadata): ProducedResult {
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

/** Makes and stores the result, or adopts what is stored already. The result's thumbnail is always stored before it. */
export async function produceResult(
  deps: ConversionWorkerDeps,
  conversion: Conversion,
  progress: Progress,
): Promise<ProducedResult> {
  const adopted = await adoptResult(deps, conversion);
  if (adopted) return adopted;
  const request = await fetchSources(deps, conversion);
  await progress.advance("generating");
  const generated = await generate(deps, conversion, request, progress.signal);
  await progress.advance("encoding");
  const bytes = deps.pictures.mark(generated.image.bytes, generated.image.mime, generated.provider);
  const thumbnail = await deps.pictures.thumbnail(bytes, generated.image.mime);
  await progress.advance("storing");
  return store(deps, conversion, { ...generated, bytes, thumbnail });
}

async function fetchSource(deps: ConversionWorkerDeps, imageId: string): Promise<SourceImage> {
  const image = await deps.images.findAny(imageId);
  const object = image && (await deps.objects.get(image.originalKey));
  if (!image || !object) throw new GenerationError("invalid_input", "a source image is gone");
  const { mime, width, height } = image;
  return deps.pictures.shrink({ bytes: await object.bytes(), mime, width, height });
}

async function fetchSources(deps: ConversionWorkerDeps, conversion: Conversion): Promise<GenerateRequest> {
  const { input } = conversion;
  const common = {
    conversionId: conversion.id,
    person: await fetchSource(deps, input.personImageId),
    prompt: input.prompt,
    seed: input.seed,
    outputMime: input.outputMime,
  };
  if (input.garmentImageId !== null) {
    const garment = await fetchSource(deps, input.garmentImageId);
    return { ...common, kind: "tryon", garment, category: input.category ?? "auto" };
  }
  const style =
    input.styleImageId !== null
      ? { image: await fetchSource(deps, input.styleImageId) }
      : { preset: input.stylePreset ?? "" };
  return { ...common, kind: "style", style };
}

interface Generated {
  readonly image: GeneratedImage;
  readonly provider: ProviderId;
  readonly degraded: boolean;
}

/** Asks the provider that was wanted; another one only where the request allows it and the failure permits it. */
async function generate(
  deps: ConversionWorkerDeps,
  conversion: Conversion,
  request: GenerateRequest,
  signal: AbortSignal,
): Promise<Generated> {
  const wanted = conversion.input.providerRequested ?? deps.config.providers.default;
  const allowed = conversion.input.fallback === "allow" && wanted !== "local";
  const substitute = allowed ? deps.generators.get("local") : undefined;
  const generator = deps.generators.get(wanted);
  try {
    if (!generator) throw new GenerationError("config", `no provider ${wanted} in this deployment`);
    return await generateWith(generator, request, signal, false);
  } catch (error) {
    const mayFallBack = error instanceof GenerationError && FAILURE_POLICIES[error.failure].mayFallBack;
    if (!substitute || !mayFallBack || signal.aborted) throw error;
    return generateWith(substitute, request, signal, true);
  }
}

async function generateWith(
  generator: ImageGenerator,
  request: GenerateRequest,
  signal: AbortSignal,
  substituted: boolean,
): Promise<Generated> {
  const image = await generator.generate(request, { signal });
  signal.throwIfAborted();
  return { image, provider: generator.id, degraded: substituted || image.degraded };
}

interface Storable extends Generated {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly thumbnail: Uint8Array<ArrayBuffer>;
}

/** Create-only: of two workers that made a result, the first one's stays, and both report that one. */
async function store(deps: ConversionWorkerDeps, conversion: Conversion, made: Storable): Promise<ProducedResult> {
  const keys = resultKeys(conversion.id);
  const { image, provider, degraded, bytes } = made;
  const mime: ImageMime = image.mime;
  const metadata = {
    width: String(image.width),
    height: String(image.height),
    sha256: await sha256Hex(bytes),
    provider,
    model: image.model,
    degraded: String(degraded),
  };
  await deps.objects.create(keys.thumbnail, made.thumbnail, { mime: "image/webp" });
  if (await deps.objects.create(keys.original, bytes, { mime, metadata })) {
    return fromMetadata(conversion.id, mime, bytes.byteLength, metadata);
  }
  const first = await adoptResult(deps, conversion);
  if (!first) throw new Error("a result was there and is gone");
  return first;
}
