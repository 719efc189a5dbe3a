import { createNodeCodec } from "../../../test/support/node-codec.ts";
import type { ImageCodec, ImageMime, Raster } from "../../ports/image-codec.ts";
import { createRng } from "../local-engine/rng.ts";
import type { ReceivedPicture, ReceivedRequest } from "./fake-request.ts";

/** What of picture 1 shows in the result; the rest is the other pictures', or a tint where there are none. */
export const PERSON_SHARE = 0.6;
/** How many tints there are: results are kept, and seeds are many. */
const TINTS = 8;
const KEPT_RESULTS = 64;
const KEPT_RASTERS = 32;

export type PaintedMime = Extract<ImageMime, "image/png" | "image/jpeg">;

export interface Painter {
  /** The result in base64. @throws {ImageCodecError} when a picture can't be decoded. */
  paint(request: ReceivedRequest, mime: PaintedMime): Promise<string>;
}

/** What `make` gives for a key, made once and kept while it is among the last `size`. */
function keep<T>(size: number): (key: string, make: () => Promise<T>) => Promise<T> {
  const kept = new Map<string, Promise<T>>();
  return (key, make) => {
    const value = kept.get(key) ?? make();
    kept.delete(key);
    kept.set(key, value);
    if (kept.size > size) kept.delete(kept.keys().next().value as string);
    return value;
  };
}

function sizeOf({ generationConfig }: ReceivedRequest, longestSide: number): readonly [width: number, height: number] {
  const { aspectRatio = "1:1" } = (generationConfig.imageConfig ?? {}) as { aspectRatio?: string };
  const [width, height] = aspectRatio.split(":").map(Number) as [number, number];
  const scale = longestSide / Math.max(width, height);
  return [Math.round(width * scale), Math.round(height * scale)];
}

function tintOf(seed: unknown): { readonly variant: number; readonly colour: readonly number[] } {
  const variant = (typeof seed === "number" ? seed : 0) % TINTS;
  const rng = createRng(variant);
  return { variant, colour: [255 * rng(), 255 * rng(), 255 * rng()] };
}

/** `PERSON_SHARE` of the person, the rest in equal parts of the others. */
function blend(person: Raster, others: readonly Raster[], tint: readonly number[]): Raster {
  const data = new Uint8ClampedArray(person.data.length);
  for (let i = 0; i < data.length; i++) {
    let other = 0;
    for (const raster of others) other += (raster.data[i] as number) / others.length;
    if (others.length === 0) other = tint[i % 4] ?? 255;
    data[i] = i % 4 === 3 ? 255 : PERSON_SHARE * (person.data[i] as number) + (1 - PERSON_SHARE) * other;
  }
  return { width: person.width, height: person.height, data };
}

/** Paints results out of all the pictures that were sent, so that each can be told from the pixels. */
export function createPainter(longestSide: number): Painter {
  let codec: ImageCodec | null = null;
  const keepRaster = keep<Raster>(KEPT_RASTERS);
  const keepResult = keep<string>(KEPT_RESULTS);
  const load = ({ bytes, mime, sha256 }: ReceivedPicture, width: number, height: number) =>
    keepRaster(`${sha256} ${width}x${height}`, async () => {
      codec ??= createNodeCodec();
      return codec.resize(await codec.decode(bytes, mime), width, height);
    });
  const make = async (request: ReceivedRequest, mime: PaintedMime, tint: readonly number[]) => {
    const [width, height] = sizeOf(request, longestSide);
    const rasters: Raster[] = [];
    for (const picture of request.pictures) rasters.push(await load(picture, width, height));
    const [person, ...others] = rasters as [Raster, ...Raster[]];
    codec ??= createNodeCodec();
    return Buffer.from(await codec.encode(blend(person, others, tint), mime)).toString("base64");
  };
  return {
    paint(request, mime) {
      const { variant, colour } = tintOf(request.generationConfig.seed);
      const shas = request.pictures.map(({ sha256 }) => sha256);
      const key = [mime, ...sizeOf(request, longestSide), request.pictures.length > 1 ? 0 : variant, ...shas].join(" ");
      return keepResult(key, () => make(request, mime, colour));
    },
  };
}
