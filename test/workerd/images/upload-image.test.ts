import { describe, expect, it } from "vitest";
import { imageSchema } from "../../../src/modules/images/schemas.ts";
import type { ImageMime, Raster } from "../../../src/ports/image-codec.ts";
import { createJsquashCodec } from "../../../src/providers/jsquash/image-codec.ts";
import { orientRaster } from "../../../src/providers/jsquash/orient.ts";
import { jsquashModules } from "../../../src/providers/jsquash/wasm-modules.ts";
import {
  ALPHA_WEBP,
  animatedPng,
  animatedWebp,
  concat,
  EXIF_CAMERA,
  indexOf,
  jpegWithTrailer,
  LOSSY_WEBP,
  pngBomb,
  pngChunk,
  pngOf,
  QUADRANT_JPEG,
  quadrants,
  svg,
  text,
  truncated,
  withExif,
} from "../../support/pictures.ts";
import { api, signUp } from "../support/client.ts";
import { bindings, d1 } from "../support/database.ts";
import { form } from "../support/pictures.ts";

const codec = createJsquashCodec(jsquashModules);

async function upload(token: string, bytes: Uint8Array, type = "application/octet-stream", kind = "person") {
  const body = form({ kind }, { file: new Blob([bytes as Uint8Array<ArrayBuffer>], { type }) });
  return api("/api/images", { method: "POST", token, body });
}

async function storedKeys(userId: string): Promise<string[]> {
  return (await bindings.BUCKET.list({ prefix: `images/${userId}/` })).objects.map((object) => object.key);
}

async function originalOf(url: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await api(url);
  expect(response.status).toBe(200);
  return new Uint8Array(await response.arrayBuffer());
}

function quadrantRaster(width: number, height: number): Raster {
  const raster: Raster = { width, height, data: new Uint8ClampedArray(width * height * 4) };
  const colour = quadrants(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) raster.data.set([...colour(x, y).slice(0, 3), 255], (y * width + x) * 4);
  }
  return raster;
}

/** The colours in the middle of the four quadrants, as the nearest named one. */
function corners(raster: Raster): string[] {
  const names = { red: [255, 0, 0], green: [0, 255, 0], blue: [0, 0, 255], white: [255, 255, 255] };
  const at = (fx: number, fy: number) => {
    const offset = (Math.floor(raster.height * fy) * raster.width + Math.floor(raster.width * fx)) * 4;
    const pixel = raster.data.slice(offset, offset + 3);
    const distance = (name: keyof typeof names) =>
      names[name].reduce((sum, value, i) => sum + (value - (pixel[i] as number)) ** 2, 0);
    return (Object.keys(names) as (keyof typeof names)[]).sort((a, b) => distance(a) - distance(b))[0] as string;
  };
  return [at(0.25, 0.25), at(0.75, 0.25), at(0.25, 0.75), at(0.75, 0.75)];
}

describe("uploading", () => {
  it("stores a picture with its own format and true dimensions, digest and thumbnail", async () => {
    const { token } = await signUp();
    const response = await upload(token, QUADRANT_JPEG, "image/png");
    expect(response.status).toBe(201);
    const image = imageSchema.parse(await response.json());
    expect(response.headers.get("location")).toBe(`/api/images/${image.id}`);
    expect(image).toMatchObject({ kind: "person", mime: "image/jpeg", width: 96, height: 64 });
    const bytes = await originalOf(image.url);
    expect(bytes.byteLength).toBe(image.bytes);
    expect(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex()).toBe(image.sha256);
    const thumbnail = await codec.decode(await originalOf(image.thumbnailUrl), "image/webp");
    expect([thumbnail.width, thumbnail.height]).toEqual([96, 64]);
  });

  it("makes thumbnails of at most 512 and 256 px, below and above 4 MP, and stores nothing else", async () => {
    const { token, user } = await signUp();
    for (const [width, height] of [
      [900, 600],
      [2700, 1800],
    ] as const) {
      const response = await upload(token, await codec.encode(quadrantRaster(width, height), "image/jpeg"));
      const image = imageSchema.parse(await response.json());
      const expected = [
        [image.thumbnailUrl, 512, 341],
        [image.thumbnail256Url, 256, 171],
      ] as const;
      for (const [url, longer, shorter] of expected) {
        const thumbnail = await codec.decode(await originalOf(url), "image/webp");
        expect([thumbnail.width, thumbnail.height], `${width}`).toEqual([longer, shorter]);
        expect(corners(thumbnail)).toEqual(["red", "green", "blue", "white"]);
      }
      const keys = (await storedKeys(user.id)).filter((key) => key.includes(image.id));
      expect(keys.map((key) => key.split("/").at(-1)).sort()).toEqual(["original", "thumbnail", "thumbnail-256"]);
    }
  });

  it.each([
    ["a PNG that declares 12,000×12,000 in 20 KB", () => pngBomb(12_000, 12_000), 422, "invalid_image"],
    ["a truncated JPEG", () => truncated(QUADRANT_JPEG), 422, "invalid_image"],
    ["an animated PNG", () => animatedPng(), 422, "invalid_image"],
    ["an animated WebP", () => animatedWebp(), 422, "invalid_image"],
    ["an SVG", () => svg, 415, "unsupported_image"],
    ["a GIF", () => text("GIF89a\u0001\u0000\u0001\u0000"), 415, "unsupported_image"],
    ["a HEIC photo", () => text("\0\0\0\x18ftypheic\0\0\0\0mif1heic"), 415, "unsupported_image"],
    [
      "a JPEG with HTML behind it",
      () => jpegWithTrailer(QUADRANT_JPEG, "<html><script>alert(1)</script>"),
      422,
      "invalid_image",
    ],
    ["HTML with the name of a PNG", () => text("<!doctype html><html></html>"), 415, "unsupported_image"],
    ["a file of zero bytes", () => new Uint8Array(), 415, "unsupported_image"],
    ["a file of 10 MB + 1", () => new Uint8Array(10_485_761), 413, "image_too_large"],
    ["a picture below 64 px", () => pngOf(63, 64), 422, "invalid_image"],
    ["a picture above 8192 px", () => pngOf(8193, 64), 422, "invalid_image"],
  ])("refuses %s and stores nothing", async (_what, make, status, code) => {
    const { token, user } = await signUp();
    const response = await upload(token, make(), "image/png");
    expect(response.status).toBe(status);
    const problem = (await response.json()) as { code: string; detail: string };
    expect(problem.code).toBe(code);
    expect(problem.detail.length).toBeGreaterThan(10);
    expect(await storedKeys(user.id)).toEqual([]);
    expect(await d1.countRows("images", user.id)).toBe(0);
  });

  it("answers a body far above the limit instead of breaking the connection", async () => {
    const { token } = await signUp();
    const response = await upload(token, new Uint8Array(20 * 1024 * 1024));
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ code: "image_too_large" });
  });

  it("removes GPS and every other trace of EXIF from what it stores", async () => {
    const { token } = await signUp();
    const gps = { latitude: 35.7, longitude: 51.4 };
    const photos: [Uint8Array, ImageMime][] = [
      [QUADRANT_JPEG, "image/jpeg"],
      [pngOf(96, 64, quadrants(96, 64)), "image/png"],
      [LOSSY_WEBP, "image/webp"],
    ];
    for (const [bytes, mime] of photos) {
      const tagged = withExif(bytes, mime, { orientation: 1, gps });
      expect(indexOf(tagged, ...text(EXIF_CAMERA)), mime).toBeGreaterThan(0);
      const image = imageSchema.parse(await (await upload(token, tagged)).json());
      for (const url of [image.url, image.thumbnailUrl, image.thumbnail256Url]) {
        const stored = await originalOf(url);
        expect(indexOf(stored, ...text(EXIF_CAMERA)), mime).toBe(-1);
        expect(indexOf(stored, ...text("Exif")), mime).toBe(-1);
      }
    }
  });

  it("stores all eight orientations upright, in all three formats", async () => {
    const { token } = await signUp();
    const raster = quadrantRaster(96, 64);
    for (const mime of ["image/jpeg", "image/png", "image/webp"] as const) {
      const encoded = await codec.encode(raster, mime, { quality: 95 });
      for (let orientation = 1; orientation <= 8; orientation++) {
        const tagged = withExif(encoded, mime, { orientation });
        const image = imageSchema.parse(await (await upload(token, tagged)).json());
        const expected = orientRaster(raster, orientation);
        expect([image.width, image.height], `${mime} ${orientation}`).toEqual([expected.width, expected.height]);
        expect(image.mime).toBe(mime);
        const stored = await codec.decode(await originalOf(image.url), mime);
        expect(corners(stored), `${mime} ${orientation}`).toEqual(corners(expected));
        const thumbnail = await codec.decode(await originalOf(image.thumbnailUrl), "image/webp");
        expect(corners(thumbnail), `${mime} ${orientation}`).toEqual(corners(expected));
      }
    }
  });

  it("stores pictures above 4 MP upright in their own size and format, through the IMAGES binding", async () => {
    const { token } = await signUp();
    const encoded = await codec.encode(quadrantRaster(2400, 1800), "image/jpeg", { quality: 80 });
    const tiny = quadrantRaster(96, 72);
    for (const orientation of [1, 5, 6]) {
      const response = await upload(token, withExif(encoded, "image/jpeg", { orientation }));
      expect(response.status).toBe(201);
      const image = imageSchema.parse(await response.json());
      const [width, height] = orientation === 1 ? [2400, 1800] : [1800, 2400];
      expect(image).toMatchObject({ mime: "image/jpeg", width, height });
      const thumbnail = await codec.decode(await originalOf(image.thumbnailUrl), "image/webp");
      expect(Math.max(thumbnail.width, thumbnail.height)).toBe(512);
      expect(corners(thumbnail), String(orientation)).toEqual(corners(orientRaster(tiny, orientation)));
      expect(indexOf(await originalOf(image.url), ...text(EXIF_CAMERA))).toBe(-1);
    }
  });

  it("refuses a picture above 4 MP whose pixels are damaged, as it does a small one", async () => {
    const { token, user } = await signUp();
    for (const [width, height] of [
      [2400, 1800],
      [96, 72],
    ] as const) {
      const sound = await codec.encode(quadrantRaster(width, height), "image/png");
      const dataAt = indexOf(sound, ...text("IDAT")) + 4;
      const length = new DataView(sound.buffer).getUint32(dataAt - 8);
      const data = sound.slice(dataAt, dataAt + length).fill(0xff, 2);
      const damaged = concat([sound.slice(0, dataAt - 8), pngChunk("IDAT", data), pngChunk("IEND", new Uint8Array())]);
      const response = await upload(token, damaged);
      expect(response.status, `${width}`).toBe(422);
      expect(await response.json()).toMatchObject({ code: "invalid_image" });
    }
    expect(await storedKeys(user.id)).toEqual([]);
  });

  it("keeps transparency", async () => {
    const { token } = await signUp();
    const image = imageSchema.parse(await (await upload(token, ALPHA_WEBP)).json());
    const thumbnail = await codec.decode(await originalOf(image.thumbnailUrl), "image/webp");
    expect(thumbnail.data.some((value, i) => i % 4 === 3 && value < 255)).toBe(true);
  });

  it.each([
    ["no file", form({ kind: "person" }, {}), "file"],
    ["no kind", form({}, { file: new Blob([QUADRANT_JPEG]) }), "kind"],
    ["a kind of the server", form({ kind: "result" }, { file: new Blob([QUADRANT_JPEG]) }), "kind"],
    ["an unknown field", form({ kind: "person", owner: "x" }, { file: new Blob([QUADRANT_JPEG]) }), "owner"],
    ["text in place of the file", form({ kind: "person", file: "x" }, {}), "file"],
  ])("refuses %s with 422 naming it", async (_what, body, path) => {
    const { token } = await signUp();
    const response = await api("/api/images", { method: "POST", token, body });
    expect(response.status).toBe(422);
    const problem = (await response.json()) as { errors: { path: string }[] };
    expect(problem.errors.map((error) => error.path)).toContain(path);
  });

  it("refuses other media types with 415, broken multipart with 400, and strangers with 401", async () => {
    const { token } = await signUp();
    const json = await api("/api/images", { method: "POST", token, json: { kind: "person" } });
    expect(json.status).toBe(415);
    const headers = { "Content-Type": "multipart/form-data; boundary=x" };
    const broken = await api("/api/images", { method: "POST", token, body: "nonsense", headers });
    expect(broken.status).toBe(400);
    const stranger = await api("/api/images", { method: "POST", body: form({ kind: "person" }, {}) });
    expect(stranger.status).toBe(401);
  });
});
