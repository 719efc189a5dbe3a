import { readFileSync } from "node:fs";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { createNodeCodec } from "../../../test/support/node-codec.ts";
import { IMAGE_MIMES, ImageCodecError, type Raster } from "../../ports/image-codec.ts";

const codec = createNodeCodec();

/** Smooth colours, so that lossy codecs stay close. */
function gradient(width: number, height: number, alpha: (x: number, y: number) => number = () => 255): Raster {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0, p = 0; y < height; y++) {
    for (let x = 0; x < width; x++, p += 4) {
      data.set([40 + (x * 180) / width, 60 + (y * 150) / height, 120, alpha(x, y)], p);
    }
  }
  return { width, height, data };
}

function meanDifference(a: Raster, b: Raster): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += Math.abs((a.data[i] as number) - (b.data[i] as number));
  return sum / a.data.length;
}

/** Puts an EXIF block with this orientation behind the JPEG's start marker. */
function withOrientation(jpeg: Uint8Array, orientation: number): Uint8Array {
  const tiff = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];
  const body = [0x45, 0x78, 0x69, 0x66, 0, 0, ...tiff];
  return new Uint8Array([...jpeg.subarray(0, 2), 0xff, 0xe1, 0, body.length + 2, ...body, ...jpeg.subarray(2)]);
}

describe("createJsquashCodec", () => {
  it.each(IMAGE_MIMES)("brings pixels through %s and back", async (mime) => {
    const picture = gradient(67, 41);
    const back = await codec.decode(await codec.encode(picture, mime, { quality: 92 }), mime);
    expect([back.width, back.height]).toEqual([67, 41]);
    expect(meanDifference(picture, back)).toBeLessThan(mime === "image/png" ? 1e-9 : 2.5);
  });

  it.each(IMAGE_MIMES)("turns the colours of a %s with a colour profile into sRGB, as littleCMS does", async (mime) => {
    const { width, height, data } = gradient(67, 41);
    const picture = sharp(data, { raw: { width, height, channels: 4 } }).withIccProfile("p3");
    const format = mime === "image/jpeg" ? picture.jpeg({ quality: 95 }) : mime === "image/png" ? picture.png() : null;
    const bytes = await (format ?? picture.webp({ quality: 95 })).toBuffer();
    const wanted = await sharp(bytes).ensureAlpha().raw().toBuffer();
    const decoded = await codec.decode(bytes, mime);
    expect(meanDifference(decoded, { width, height, data: new Uint8ClampedArray(wanted) })).toBeLessThan(0.7);
    const plain = await codec.decode(await sharp(bytes).keepIccProfile().toFormat("png").toBuffer(), "image/png");
    expect(meanDifference(decoded, plain)).toBeLessThan(0.7);
  });

  it.each(["image/png", "image/webp"] as const)("keeps alpha in %s", async (mime) => {
    const picture = gradient(64, 64, (x) => (x < 20 ? 0 : x < 40 ? 128 : 255));
    const back = await codec.decode(await codec.encode(picture, mime), mime);
    const alphas = [5, 30, 55].map((x) => back.data[(32 * 64 + x) * 4 + 3]);
    expect(alphas).toEqual([0, 128, 255]);
  });

  it("flattens transparent pixels on white in JPEG, and leaves the raster alone", async () => {
    const picture = gradient(64, 64, (x) => (x < 32 ? 0 : 255));
    const before = picture.data.slice();
    const back = await codec.decode(await codec.encode(picture, "image/jpeg", { quality: 95 }), "image/jpeg");
    const clear = [...back.data.subarray((32 * 64 + 8) * 4, (32 * 64 + 8) * 4 + 4)];
    for (const value of clear) expect(value).toBeGreaterThan(250);
    expect(back.data[(32 * 64 + 60) * 4 + 2] as number).toBeLessThan(140);
    expect(picture.data).toEqual(before);
  });

  it("doesn't apply EXIF orientation: pixels come as they are stored", async () => {
    const picture = gradient(48, 32);
    const plain = await codec.encode(picture, "image/jpeg", { quality: 95 });
    const back = await codec.decode(withOrientation(plain, 6), "image/jpeg");
    expect([back.width, back.height]).toEqual([48, 32]);
    expect(meanDifference(picture, back)).toBeLessThan(2.5);
  });

  it("writes smaller files at lower quality", async () => {
    const photo = await codec.decode(readFileSync("samples/person-astronaut.png"), "image/png");
    for (const mime of ["image/jpeg", "image/webp"] as const) {
      const [low, high] = [await codec.encode(photo, mime, { quality: 40 }), await codec.encode(photo, mime)];
      expect(low.length).toBeLessThan(high.length * 0.6);
    }
  });

  const junk = [
    ["no bytes", new Uint8Array(0)],
    ["noise", Uint8Array.from({ length: 4000 }, (_, i) => (i * 197 + 31) % 251)],
    ["a text", new TextEncoder().encode("<svg xmlns='http://www.w3.org/2000/svg'/>")],
  ] as const;
  it.each(IMAGE_MIMES.flatMap((mime) => junk.map(([what, bytes]) => [mime, what, bytes] as const)))(
    "answers %s made of %s with an ImageCodecError, again and again, and decodes the next picture",
    async (mime, _, bytes) => {
      const good = await codec.encode(gradient(20, 10), mime);
      for (let round = 0; round < 3; round++) {
        await expect(codec.decode(bytes, mime)).rejects.toBeInstanceOf(ImageCodecError);
      }
      const back = await codec.decode(good, mime);
      expect([back.width, back.height]).toEqual([20, 10]);
    },
  );

  it("refuses a PNG that is cut off", async () => {
    const whole = await codec.encode(gradient(80, 80), "image/png");
    await expect(codec.decode(whole.subarray(0, whole.length >> 1), "image/png")).rejects.toBeInstanceOf(
      ImageCodecError,
    );
  });

  it.each(IMAGE_MIMES)("refuses to encode pixels that don't fit their dimensions as %s", async (mime) => {
    const wrong: Raster = { width: 10, height: 10, data: new Uint8ClampedArray(10 * 9 * 4) };
    await expect(codec.encode(wrong, mime)).rejects.toBeInstanceOf(ImageCodecError);
  });

  it("decodes several pictures of several formats asked for at once", async () => {
    const encoded = await Promise.all(
      [11, 22, 33].flatMap((side) =>
        IMAGE_MIMES.map(async (mime) => [side, mime, await codec.encode(gradient(side, 9), mime)] as const),
      ),
    );
    const widths = await Promise.all(encoded.map(async ([, mime, bytes]) => (await codec.decode(bytes, mime)).width));
    expect(widths).toEqual(encoded.map(([side]) => side));
  });

  it("resizes to exactly the size asked for, and refuses sizes that are none", async () => {
    const small = await codec.resize(gradient(100, 50), 31, 77);
    expect([small.width, small.height]).toEqual([31, 77]);
    for (const side of [0, -1, 1.5]) {
      await expect(codec.resize(gradient(4, 4), side, 4)).rejects.toBeInstanceOf(ImageCodecError);
    }
  });
});
