import { sha256Hex } from "../../../kernel/encoding.ts";
import { resultImageId } from "../../../kernel/ids.ts";
import { IMAGE_MIMES } from "../../../ports/image-codec.ts";
import {
  type GenerateRequest,
  GenerationError,
  PROVIDER_IDS,
  type SourceImage,
} from "../../../ports/image-generator.ts";
import type { ObjectMetadata } from "../../../ports/object-store.ts";
import { type Conversion, resultKeys } from "../conversion.ts";
import type { StoredResult } from "../repository.ts";
import { usualTimes } from "../stage-timings.ts";
import type { ConversionWorkerDeps, FinishedPicture } from "../worker-deps.ts";
import { type Generated, generate } from "./generate.ts";
import type { HeldJob } from "./hold-lease.ts";

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

/** Makes and stores the result, or adopts what is stored already. The result's thumbnails are stored before it. */
export async function produceResult(
  deps: ConversionWorkerDeps,
  conversion: Conversion,
  job: HeldJob,
): Promise<StoredResult> {
  const adopted = await adoptResult(deps, conversion);
  if (adopted) return adopted;
  let request: Promise<GenerateRequest> | null = null;
  const generated = await generate(deps, {
    conversion,
    signal: job.signal,
    request: () => (request ??= fetchSources(deps, conversion)),
    async onProvider(provider) {
      job.expect((await deps.timings.find(conversion.input.kind, provider)) ?? usualTimes(provider));
      await job.advance("generating");
    },
  });
  await job.advance("encoding");
  const { image, provider } = generated;
  const picture = await deps.pictures.finish(image, { outputMime: conversion.input.outputMime, provider });
  await job.advance("storing");
  const stored = await store(deps, conversion, generated, picture);
  deps.background(deps.timings.record(conversion.input.kind, provider, job.times(), deps.clock.now()));
  return stored;
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
    imageOnly: conversion.lastFailure === "no_image",
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
  await Promise.all([
    deps.objects.create(keys.thumbnail, picture.thumbnail, { mime: "image/webp" }),
    deps.objects.create(keys.smallThumbnail, picture.smallThumbnail, { mime: "image/webp" }),
  ]);
  if (await deps.objects.create(keys.original, bytes, { mime, metadata })) {
    return fromMetadata(conversion.id, mime, bytes.byteLength, metadata);
  }
  const first = await adoptResult(deps, conversion);
  if (!first) throw new Error("a result was there and is gone");
  return first;
}
