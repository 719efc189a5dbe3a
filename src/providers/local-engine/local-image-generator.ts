import { letGo } from "../../kernel/let-go.ts";
import { MIN_SIDE_PX } from "../../modules/images/jobs.ts";
import { type ImageCodec, ImageCodecError, MAX_DECODE_PIXELS, type Raster } from "../../ports/image-codec.ts";
import {
  type GeneratedImage,
  type GenerateRequest,
  GenerationError,
  type ImageGenerator,
  type SourceImage,
} from "../../ports/image-generator.ts";
import { findPreset } from "./presets.ts";
import { createRng } from "./rng.ts";
import { transferStyle } from "./style-transfer.ts";
import { tryOn } from "./try-on.ts";

/** Recorded on conversions. Raise the number when the same input and seed begin to give other pixels. */
export const LOCAL_MODEL = "local-engine/3";

/**
 * Longest side of results in pixels; larger pictures are shrunk before the effect, smaller ones are left as they are.
 * Long and thin ones stay longer, for the other side to be what a picture of the service must have.
 */
export const LOCAL_MAX_SIDE = 1024;

const OUTPUT_QUALITY = 85;

/**
 * An image generator without a model or network: classical image processing on this machine's processor.
 *
 * Styles (by preset or by picture) are what they say; a try-on is an overlay and always `degraded`. The free-text `prompt` is
 * not understood and has no effect. The same inputs and seed give the same bytes.
 * Inputs that can't be decoded, are above {@link MAX_DECODE_PIXELS}, or name an unknown preset fail with `invalid_input`;
 * an abort, noticed between stages of at most a few hundred milliseconds, with `timeout`.
 */
export function createLocalImageGenerator({ codec }: { readonly codec: ImageCodec }): ImageGenerator {
  return {
    id: "local",
    outside: false,
    modelFor: () => LOCAL_MODEL,
    expectedCostMicros: () => 0,
    async generate(request, { signal }) {
      const stage = stages(signal);
      const work = await stage(() => prepareWork(request, codec, stage));
      const raster = await stage(() => work());
      const bytes = await stage(() => encode(codec, raster, request));
      letGo(raster);
      await stage(() => null);
      return { ...bytes, model: LOCAL_MODEL, degraded: request.kind === "tryon", usage: null };
    },
  };
}

type Stage = <T>(work: () => T | Promise<T>) => Promise<T>;

/** Runs work unless `signal` has fired. The pause lets timers and messages through: effects are synchronous. */
function stages(signal: AbortSignal): Stage {
  return async (work) => {
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    if (signal.aborted) throw new GenerationError("timeout", "The local engine was stopped", { cause: signal.reason });
    return work();
  };
}

/** Decodes what the request needs. @returns the effect, to be run as a stage of its own. */
async function prepareWork(request: GenerateRequest, codec: ImageCodec, stage: Stage): Promise<() => Raster> {
  const load = (image: SourceImage) => stage(() => loadPicture(image, codec, stage));
  const rng = createRng(request.seed);
  if (request.kind === "tryon") {
    const person = await load(request.person);
    const garment = await load(request.garment);
    return () => consume([person, garment], () => tryOn(person, garment, request.category, rng).raster);
  }
  if ("preset" in request.style) {
    const preset = findPreset(request.style.preset);
    if (!preset) throw new GenerationError("invalid_input", `Unknown preset ${JSON.stringify(request.style.preset)}`);
    const person = await load(request.person);
    return () => consume([person], () => preset.apply(person, { rng }));
  }
  const person = await load(request.person);
  const style = await load(request.style.image);
  return () => consume([person, style], () => transferStyle(person, style, 1, rng));
}

/** Pictures that nobody needs once the effect is painted: encoding takes about as much memory as they do. */
function consume(pictures: readonly Raster[], effect: () => Raster): Raster {
  const painted = effect();
  letGo(...pictures);
  return painted;
}

async function loadPicture({ bytes, mime }: SourceImage, codec: ImageCodec, stage: Stage): Promise<Raster> {
  const raster = await decode(bytes, mime, codec);
  const { width, height } = raster;
  if (width * height > MAX_DECODE_PIXELS) {
    throw new GenerationError("invalid_input", `${width}×${height} pixels are too many for the local engine`);
  }
  const scale = Math.max(LOCAL_MAX_SIDE / Math.max(width, height), MIN_SIDE_PX / Math.min(width, height));
  if (scale >= 1) return raster;
  const small = await stage(() =>
    codec.resize(raster, Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))),
  );
  letGo(raster);
  return small;
}

async function decode(bytes: Uint8Array, mime: SourceImage["mime"], codec: ImageCodec): Promise<Raster> {
  try {
    return await codec.decode(bytes, mime);
  } catch (error) {
    if (!(error instanceof ImageCodecError)) throw error;
    throw new GenerationError("invalid_input", `The picture can't be decoded: ${error.message}`, { cause: error });
  }
}

async function encode(
  codec: ImageCodec,
  raster: Raster,
  { outputMime }: GenerateRequest,
): Promise<Pick<GeneratedImage, "bytes" | "mime">> {
  try {
    return { bytes: await codec.encode(raster, outputMime, { quality: OUTPUT_QUALITY }), mime: outputMime };
  } catch (error) {
    throw new GenerationError("unavailable", "The result can't be encoded", { cause: error });
  }
}
