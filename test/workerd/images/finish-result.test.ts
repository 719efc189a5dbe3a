import { describe, expect, it } from "vitest";
import { inspectImage } from "../../../src/modules/images/jobs.ts";
import { IMAGE_MIMES, type ImageMime, MAX_DECODE_PIXELS, type Raster } from "../../../src/ports/image-codec.ts";
import { transformImage } from "../../../src/providers/cloudflare/images-binding.ts";
import { finishResult } from "../../../src/providers/image-processing/finish-result.ts";
import { shrinkSource } from "../../../src/providers/image-processing/prepare-image.ts";
import { createJsquashCodec } from "../../../src/providers/jsquash/image-codec.ts";
import { jsquashModules } from "../../../src/providers/jsquash/wasm-modules.ts";
import { concat, indexOf, pngChunk, text, withExif } from "../../support/pictures.ts";
import { bindings } from "../support/database.ts";

const codec = createJsquashCodec(jsquashModules);
const processing = {
  codec,
  transform: (bytes: Uint8Array, options: Parameters<typeof transformImage>[2]) =>
    transformImage(bindings.IMAGES, bytes, options),
};

/** Red above, blue below. */
function halves(width: number, height: number, alpha = 255): Raster {
  const data = new Uint8ClampedArray(width * height * 4);
  const pixels = new Uint32Array(data.buffer);
  const middle = width * Math.floor(height / 2);
  pixels.fill(((alpha << 24) | 0x00_00_00_ff) >>> 0, 0, middle);
  pixels.fill(((alpha << 24) | 0x00_ff_00_00) >>> 0, middle);
  return { width, height, data };
}

function finish(bytes: Uint8Array, outputMime: ImageMime) {
  return finishResult(processing, { bytes, mime: "image/jpeg" }, { outputMime, provider: "gemini" });
}

async function pixelAt(bytes: Uint8Array, mime: ImageMime, fx: number, fy: number): Promise<number[]> {
  const { width, height, data } = await codec.decode(bytes, mime);
  const at = (Math.floor(height * fy) * width + Math.floor(width * fx)) * 4;
  return [...data.subarray(at, at + 4)];
}

describe("a result above 4 MP, through the IMAGES binding,", () => {
  it.each(IMAGE_MIMES)(
    "becomes a %s of sensible size, upright, with one mark and both thumbnails",
    async (outputMime) => {
      const png = withExif(await codec.encode(halves(2_100, 2_100), "image/png"), "image/png", { orientation: 6 });
      const result = await finish(png, outputMime);
      expect(inspectImage(result.bytes)).toMatchObject({
        ok: true,
        mime: outputMime,
        orientation: 1,
        width: result.width,
      });
      expect(result.width).toBe(result.height);
      expect(result.width * result.height).toBeLessThanOrEqual(MAX_DECODE_PIXELS);
      // Turned to the right: what was above is on the right.
      const [[right = 0], [left = 0]] = [
        await pixelAt(result.bytes, outputMime, 0.75, 0.5),
        await pixelAt(result.bytes, outputMime, 0.25, 0.5),
      ];
      expect(right > 200 && left < 60).toBe(true);
      const marks = new TextDecoder("latin1").decode(result.bytes).split("<x:xmpmeta").length - 1;
      expect(marks).toBe(1);
      const { width } = await codec.decode(result.smallThumbnail, "image/webp");
      expect(width).toBe(256);
    },
  );

  it("has white behind what was transparent when it becomes a JPEG", async () => {
    const clear = await codec.encode(halves(2_100, 2_100, 0), "image/png");
    const { bytes } = await finish(clear, "image/jpeg");
    for (const value of await pixelAt(bytes, "image/jpeg", 0.5, 0.9)) expect(value).toBeGreaterThan(250);
  });

  it("is no picture when its pixels are damaged", async () => {
    const sound = await codec.encode(halves(2_100, 2_100), "image/png");
    const dataAt = indexOf(sound, ...text("IDAT")) + 4;
    const length = new DataView(sound.buffer).getUint32(dataAt - 8);
    const data = sound.slice(dataAt, dataAt + length).fill(0xff, 2);
    const damaged = concat([sound.slice(0, dataAt - 8), pngChunk("IDAT", data), pngChunk("IEND", new Uint8Array())]);
    await expect(finish(damaged, "image/png")).rejects.toMatchObject({ failure: "no_image" });
  });
});

it("a source is shrunk by the binding to within the pixels, and its true dimensions are told", async () => {
  const bytes = await codec.encode(halves(4_000, 1_001), "image/jpeg");
  const small = await shrinkSource(processing, { bytes, mime: "image/jpeg", width: 4_000, height: 1_001 });
  expect(inspectImage(small.bytes)).toMatchObject({ ok: true, width: small.width, height: small.height });
  expect(small.width * small.height).toBeLessThanOrEqual(MAX_DECODE_PIXELS);
});
