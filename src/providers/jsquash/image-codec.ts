import mozjpegDecoder from "@jsquash/jpeg/codec/dec/mozjpeg_dec.js";
import mozjpegEncoder from "@jsquash/jpeg/codec/enc/mozjpeg_enc.js";
import { defaultOptions as jpegDefaults } from "@jsquash/jpeg/meta.js";
import webpDecoderFactory from "@jsquash/webp/codec/dec/webp_dec.js";
import webpEncoderFactory from "@jsquash/webp/codec/enc/webp_enc_simd.js";
import { defaultOptions as webpDefaults } from "@jsquash/webp/meta.js";
import { readColourProfile } from "../../modules/images/jobs.ts";
import { type ImageCodec, ImageCodecError, type ImageMime, type Raster } from "../../ports/image-codec.ts";
import { isOpaque, resample } from "./resample.ts";
import { conversionToSrgb } from "./srgb.ts";
import { type EmscriptenFactory, emscriptenInstance, recycled, rustInstance } from "./wasm-instances.ts";

/** The compiled codecs. In Workers they are static imports (`wasm-modules.ts`): compiling bytes is refused there. */
export interface JsquashModules {
  readonly jpegDecoder: WebAssembly.Module;
  readonly jpegEncoder: WebAssembly.Module;
  readonly png: WebAssembly.Module;
  readonly webpDecoder: WebAssembly.Module;
  /** The SIMD build. */
  readonly webpEncoder: WebAssembly.Module;
}

interface Decoder {
  /** The second argument is JPEG's: true turns the pixels as EXIF says. */
  decode(bytes: Uint8Array, preserveOrientation?: boolean): Partial<Raster> | null;
}
interface Encoder {
  encode(data: Uint8ClampedArray, width: number, height: number, options: object): Uint8Array<ArrayBuffer> | null;
}

const DEFAULT_QUALITY = 90;

/**
 * {@link ImageCodec} on jSquash's WebAssembly builds of MozJPEG, libwebp and image-png, with a resizer of its own.
 *
 * Every codec is made at its first use; after a failure the next call gets a fresh one. Calls should come one at a time:
 * each may hold the picture a few times over. Everything that goes wrong is an {@link ImageCodecError}.
 */
export function createJsquashCodec(modules: JsquashModules): ImageCodec {
  const emscripten = <T>(factory: unknown, module: WebAssembly.Module) =>
    recycled(() => emscriptenInstance(factory as EmscriptenFactory<T>, module));
  const jpegDecoder = emscripten<Decoder>(mozjpegDecoder, modules.jpegDecoder);
  const jpegEncoder = emscripten<Encoder>(mozjpegEncoder, modules.jpegEncoder);
  const webpDecoder = emscripten<Decoder>(webpDecoderFactory, modules.webpDecoder);
  const webpEncoder = emscripten<Encoder>(webpEncoderFactory, modules.webpEncoder);
  const png = recycled(() => rustInstance(modules.png));

  const decoders: Record<ImageMime, (bytes: Uint8Array) => Promise<Partial<Raster> | null>> = {
    "image/jpeg": (bytes) => jpegDecoder((codec) => required(codec.decode(bytes, false))),
    "image/png": (bytes) => png((codec) => codec.toPixels("decode", bytes)),
    "image/webp": (bytes) => webpDecoder((codec) => required(codec.decode(bytes))),
  };
  const encoders: Record<ImageMime, (raster: Raster, quality: number) => Promise<Uint8Array<ArrayBuffer>>> = {
    "image/jpeg": ({ data, width, height }, quality) => {
      const options = { ...jpegDefaults, progressive: false, quality };
      return jpegEncoder((codec) => required(codec.encode(flattenOnWhite(data), width, height, options)));
    },
    "image/png": ({ data, width, height }) => png((codec) => codec.toBytes("encode", bytesOf(data), width, height, 8)),
    "image/webp": ({ data, width, height }, quality) =>
      webpEncoder((codec) => required(codec.encode(data, width, height, { ...webpDefaults, quality }))),
  };

  return {
    decode: (bytes, mime) =>
      guarded(`decode ${mime}`, async () => {
        const raster = checked(await decoders[mime](bytes));
        const profile = await readColourProfile(bytes, mime);
        if (profile !== null) conversionToSrgb(profile)?.(raster);
        return raster;
      }),
    encode: (raster, mime, options = {}) =>
      guarded(`encode ${mime}`, () => encoders[mime](checked(raster), options.quality ?? DEFAULT_QUALITY)),
    resize: (raster, width, height) =>
      guarded("resize", async () => {
        if (!isSide(width) || !isSide(height)) throw new Error(`bad size ${width}×${height}`);
        const source = checked(raster);
        return source.width === width && source.height === height ? source : resample(source, width, height);
      }),
  };
}

/** Codecs throw what they like: numbers, plain objects, traps. */
async function guarded<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ImageCodecError) throw error;
    throw new ImageCodecError(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Thrown inside the call, so that a codec that refused its input is replaced like one that trapped. */
function required<T>(result: T | null | undefined): T {
  if (result === null || result === undefined) throw new Error("the codec gave no result");
  return result;
}

function isSide(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0;
}

/** @throws {ImageCodecError} unless there are exactly four bytes for each of width × height pixels. */
function checked(raster: Partial<Raster> | null): Raster {
  const { width, height, data } = raster ?? {};
  if (!isSide(width) || !isSide(height) || data?.length !== width * height * 4) {
    throw new ImageCodecError(`dimensions and pixels disagree: ${width}×${height}, ${data?.length} bytes`);
  }
  return { width, height, data };
}

function bytesOf(data: Uint8ClampedArray<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** JPEG has no alpha and the encoder ignores it: transparent pixels would show whatever colour they hide. */
function flattenOnWhite(data: Uint8ClampedArray<ArrayBuffer>): Uint8ClampedArray<ArrayBuffer> {
  if (isOpaque(data)) return data;
  const flat = data.slice();
  for (let i = 0; i < flat.length; i += 4) {
    const alpha = (data[i + 3] as number) / 255;
    const white = 255 * (1 - alpha);
    flat[i] = (data[i] as number) * alpha + white;
    flat[i + 1] = (data[i + 1] as number) * alpha + white;
    flat[i + 2] = (data[i + 2] as number) * alpha + white;
    flat[i + 3] = 255;
  }
  return flat;
}
