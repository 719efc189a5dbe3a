import { describe, expect, it } from "vitest";
import { runConversion } from "../../../src/modules/conversions/jobs.ts";
import type { ConversionBody } from "../../../src/modules/conversions/schemas.ts";
import { conversionSchema } from "../../../src/modules/conversions/schemas.ts";
import { inspectImage } from "../../../src/modules/images/jobs.ts";
import { imageSchema } from "../../../src/modules/images/schemas.ts";
import { type ImageMime, MAX_DECODE_PIXELS, type Raster } from "../../../src/ports/image-codec.ts";
import type { GenerateRequest, SourceImage } from "../../../src/ports/image-generator.ts";
import { transformImage } from "../../../src/providers/cloudflare/images-binding.ts";
import { finishResult } from "../../../src/providers/image-processing/finish-result.ts";
import { shrinkSource } from "../../../src/providers/image-processing/prepare-image.ts";
import { createJsquashCodec } from "../../../src/providers/jsquash/image-codec.ts";
import { jsquashModules } from "../../../src/providers/jsquash/wasm-modules.ts";
import { createLocalImageGenerator } from "../../../src/providers/local-engine/local-image-generator.ts";
import { conversionInput } from "../../factories.ts";
import {
  type Bytes,
  concat,
  EXIF_CAMERA,
  indexOf,
  patched,
  pngBomb,
  pngChunk,
  pngHeader,
  pngOf,
  QUADRANT_JPEG,
  quadrants,
  text,
  withExif,
} from "../../support/pictures.ts";
import { apiWith } from "../support/app.ts";
import { api, signUp } from "../support/client.ts";
import { bindings, d1, insertImage } from "../support/database.ts";
import { form } from "../support/pictures.ts";
import { fakeGenerator, outsideGenerator, type WorkerStage, workerStage } from "../support/worker.ts";

const codec = createJsquashCodec(jsquashModules);
const processing = {
  codec,
  transform: (bytes: Uint8Array, options: Parameters<typeof transformImage>[2]) =>
    transformImage(bindings.IMAGES, bytes, options),
};
/** The pixel work of production, in place of the stage's. */
const PICTURES: WorkerStage["deps"]["pictures"] = {
  shrink: async (load) => shrinkSource(processing, await load()),
  finish: (image, options) => finishResult(processing, image, options),
};
const SILENT = { CONVERSION_QUEUE: { send: async () => {} } };
const GPS = { latitude: 35.6997, longitude: 51.338 };

async function bytesOf(url: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await api(url);
  expect(response.status).toBe(200);
  return new Uint8Array(await response.arrayBuffer());
}

function rasterOf(width: number, height: number): Raster {
  const data = new Uint8ClampedArray(width * height * 4);
  const colour = quadrants(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set([...colour(x, y).slice(0, 3), 255], (y * width + x) * 4);
  }
  return { width, height, data };
}

/** The nearest named colour of each quadrant: red, green, blue, white where the picture is upright. */
async function cornersOf(bytes: Uint8Array, mime: ImageMime): Promise<string> {
  const { width, height, data } = await codec.decode(bytes, mime);
  const at = (fx: number, fy: number) => {
    const offset = (Math.floor(height * fy) * width + Math.floor(width * fx)) * 4;
    return [...data.subarray(offset, offset + 3)].map((value) => (value > 127 ? "1" : "0")).join("");
  };
  const names: Record<string, string> = { "100": "red", "010": "green", "001": "blue", "111": "white" };
  return [at(0.25, 0.25), at(0.75, 0.25), at(0.25, 0.75), at(0.75, 0.75)].map((rgb) => names[rgb] ?? rgb).join(" ");
}

const UPRIGHT = "red green blue white";

/** What a camera shows of the upright picture before it is turned by `orientation`, as EXIF counts them. */
function asTaken(orientation: number): Raster {
  const upright = rasterOf(96, 64);
  const turned = orientation > 4;
  const [width, height] = turned ? [64, 96] : [96, 64];
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [right, down] = [95 - x, 63 - y];
      const places: Record<number, readonly [number, number]> = {
        1: [x, y],
        2: [right, y],
        3: [right, down],
        4: [x, down],
        5: [y, x],
        6: [95 - y, x],
        7: [95 - y, 63 - x],
        8: [y, 63 - x],
      };
      const [ux, uy] = places[orientation] as readonly [number, number];
      data.set(upright.data.subarray((uy * 96 + ux) * 4, (uy * 96 + ux) * 4 + 4), (y * width + x) * 4);
    }
  }
  return { width, height, data };
}

/** Finds no trace of where and with what a photo was taken. */
function expectNoTrace(bytes: Uint8Array, where: string): void {
  const place = new Uint8Array(4);
  for (const needle of [text(EXIF_CAMERA), text("Exif"), text("eXIf"), text("EXIF")]) {
    expect(indexOf(bytes, ...needle), where).toBe(-1);
  }
  for (const degrees of Object.values(GPS)) {
    new DataView(place.buffer).setUint32(0, Math.round(degrees * 1e6));
    expect(indexOf(bytes, ...place), where).toBe(-1);
  }
}

describe("where and with what a photo was taken", () => {
  it("is in none of what is stored, sent to a provider or given back, upright for every orientation", async () => {
    const { token } = await signUp();
    const sent: SourceImage[] = [];
    // A careless provider: it gives back what it gets, with its own metadata in it.
    const generator = outsideGenerator(async ({ person }) => {
      sent.push(person);
      const bytes = withExif(person.bytes, person.mime, { orientation: 1, gps: GPS });
      return { bytes, mime: person.mime, model: "echo", degraded: false, usage: null };
    });
    const stage = await workerStage(generator);
    for (let orientation = 1; orientation <= 8; orientation++) {
      const taken = await codec.encode(asTaken(orientation), "image/jpeg", { quality: 95 });
      const photo = withExif(taken, "image/jpeg", { orientation, gps: GPS });
      expect(() => expectNoTrace(photo, "the photo itself")).toThrow();
      const body = form({ kind: "style", stylePreset: "ink" }, { person: new Blob([photo]) });
      const created = await apiWith(SILENT, "/api/conversions", { method: "POST", token, body });
      const { id, input } = (await created.json()) as ConversionBody;
      await runConversion({ ...stage.deps, pictures: PICTURES }, id);
      const image = imageSchema.parse(await (await api(`/api/images/${input.personImageId}`, { token })).json());
      const done = conversionSchema.parse(await (await api(`/api/conversions/${id}`, { token })).json());
      if (done.output === null) throw new Error(`no output: ${done.error?.code}`);
      const request = sent.at(-1) as SourceImage;
      const places: [string, Uint8Array, ImageMime][] = [
        ["the stored photo", await bytesOf(image.url), "image/jpeg"],
        ["its thumbnail", await bytesOf(image.thumbnailUrl), "image/webp"],
        ["its small thumbnail", await bytesOf(image.thumbnail256Url), "image/webp"],
        ["what the provider gets", request.bytes, request.mime],
        ["the result", await bytesOf(done.output.url), "image/jpeg"],
        ["the result's thumbnail", await bytesOf(done.output.thumbnailUrl), "image/webp"],
        ["the result's small thumbnail", await bytesOf(done.output.thumbnail256Url), "image/webp"],
      ];
      for (const [where, bytes, mime] of places) {
        expectNoTrace(bytes, `${where}, ${orientation}`);
        expect(await cornersOf(bytes, mime), `${where}, ${orientation}`).toBe(UPRIGHT);
      }
      expect([request.width, request.height]).toEqual([96, 64]);
    }
    expect(sent).toHaveLength(8);
  });
});

describe("the local engine", () => {
  /** A real engine, and what it was given. */
  function localEngine() {
    const engine = createLocalImageGenerator({ codec });
    const calls: GenerateRequest[] = [];
    const generator = fakeGenerator((request, context) => {
      calls.push(request);
      return engine.generate(request, context);
    });
    return { generator, calls };
  }

  async function storedImage(
    stage: WorkerStage,
    bytes: Uint8Array<ArrayBuffer>,
    mime: ImageMime,
    size: readonly [number, number],
  ) {
    const [width, height] = size;
    const id = await insertImage(stage.userId, { mime, width, height });
    await stage.deps.objects.create(`images/${stage.userId}/${id}/original`, bytes, { mime });
    return id;
  }

  it("takes a photo of exactly 4 MP as it is, and one of a column more shrunk to within it", async () => {
    const { generator, calls } = localEngine();
    const stage = await workerStage(generator);
    for (const width of [4_000, 4_001]) {
      const bytes = pngBomb(width, 1_000);
      const personImageId = await storedImage(stage, bytes, "image/png", [width, 1_000]);
      const id = await stage.newConversion({ input: conversionInput(personImageId, { stylePreset: "duotone" }) });
      await runConversion({ ...stage.deps, pictures: PICTURES }, id);
      expect(await d1.conversions.inspect(id)).toMatchObject({
        status: "succeeded",
        result: { width: 1_024, height: 256 },
      });
      const person = calls.at(-1)?.person as SourceImage;
      expect(person.width * person.height).toBeLessThanOrEqual(MAX_DECODE_PIXELS);
      expect(person.bytes.byteLength === bytes.byteLength, `${width}`).toBe(width === 4_000);
      expect(inspectImage(person.bytes)).toMatchObject({ ok: true, width: person.width, height: person.height });
    }
  });

  it("fails the job whose picture brings its codec down, and does the next one", async () => {
    const { generator, calls } = localEngine();
    const stage = await workerStage(generator);
    // Headers that ask for more memory than there is, which no upload gets through with.
    const frameAt = indexOf(QUADRANT_JPEG, 0xff, 0xc0) + 5;
    const png = pngOf(96, 64);
    const header = pngChunk("IHDR", pngHeader(20_000, 60_000, 8, 2));
    const pictures: [ImageMime, Bytes, Bytes][] = [
      ["image/jpeg", QUADRANT_JPEG, patched(QUADRANT_JPEG, frameAt, 0x75, 0x30, 0x75, 0x30)],
      ["image/png", png, concat([png.subarray(0, 8), header, png.subarray(33)])],
    ];
    const run = async (bytes: Bytes, mime: ImageMime) => {
      const personImageId = await storedImage(stage, bytes, mime, [96, 64]);
      const id = await stage.newConversion({ input: conversionInput(personImageId, { outputMime: mime }) });
      await runConversion({ ...stage.deps, pictures: PICTURES }, id);
      return d1.conversions.inspect(id);
    };
    const failed = { status: "failed", errorCode: "provider_rejected", usage: { state: "released" } };
    for (const [mime, sound, hostile] of pictures) {
      const { cause } = (await codec.decode(hostile, mime).catch((error: unknown) => error)) as Error;
      expect(cause, mime).toBeInstanceOf(WebAssembly.RuntimeError);
      for (let round = 0; round < 2; round++) {
        expect(await run(hostile, mime)).toMatchObject(failed);
        expect(await run(sound, mime)).toMatchObject({ status: "succeeded", usage: { state: "committed" } });
      }
    }
    expect(calls).toHaveLength(8);
  });

  it("changes a photo's pixels: what comes back can be decoded, has its size and two thumbnails", async () => {
    const { token } = await signUp();
    const person = new Blob([Uint8Array.fromBase64(bindings.TEST_PERSON)]);
    const before = await codec.decode(new Uint8Array(await person.arrayBuffer()), "image/png");
    const body = form({ kind: "style", stylePreset: "noir", outputFormat: "png" }, { person });
    const created = await api("/api/conversions", { method: "POST", token, body, headers: { Prefer: "wait=25" } });
    expect(created.status).toBe(201);
    const { output, provider } = conversionSchema.parse(await created.json());
    if (output === null) throw new Error("no output");
    expect(provider).toMatchObject({ used: "local", degraded: false });
    const after = await codec.decode(await bytesOf(output.url), "image/png");
    expect([after.width, after.height]).toEqual([before.width, before.height]);
    let changed = 0;
    for (let i = 0; i < before.data.length; i += 4) {
      if (Math.abs((before.data[i] as number) - (after.data[i] as number)) > 16) changed++;
    }
    expect(changed / (before.width * before.height)).toBeGreaterThan(0.2);
    for (const [url, side] of [
      [output.thumbnailUrl, 512],
      [output.thumbnail256Url, 256],
    ] as const) {
      const thumbnail = await codec.decode(await bytesOf(url), "image/webp");
      expect(Math.max(thumbnail.width, thumbnail.height)).toBe(side);
    }
  });
});
