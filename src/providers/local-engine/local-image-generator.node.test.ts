import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { createNodeCodec } from "../../../test/support/node-codec.ts";
import { IMAGE_MIMES, type ImageCodec, type ImageMime } from "../../ports/image-codec.ts";
import type { GenerateRequest, GenerationError, SourceImage } from "../../ports/image-generator.ts";
import { createLocalImageGenerator } from "./local-image-generator.ts";

const codec = createNodeCodec();
const generator = createLocalImageGenerator({ codec });
const signal = new AbortController().signal;
let person: SourceImage;
let garment: SourceImage;
let style: SourceImage;
beforeAll(async () => {
  const shrink = async (path: string, mime: ImageMime, side: number): Promise<SourceImage> => {
    const whole = await codec.decode(readFileSync(path), mime);
    const small = await codec.resize(whole, side, Math.round((side * whole.height) / whole.width));
    return { bytes: await codec.encode(small, mime), mime, width: small.width, height: small.height };
  };
  person = await shrink("samples/person-astronaut.png", "image/png", 240);
  garment = await shrink("samples/garment-tshirt.png", "image/png", 200);
  style = await shrink("samples/style-hubble.jpg", "image/jpeg", 120);
});

const common = () => ({
  conversionId: "c1",
  person,
  prompt: null,
  seed: 11,
  outputMime: "image/jpeg" as ImageMime,
  imageOnly: false,
});
const preset = (name: string): GenerateRequest => ({ ...common(), kind: "style", style: { preset: name } });
const kinds: readonly (readonly [string, boolean, () => GenerateRequest])[] = [
  ["a preset", false, () => preset("oil")],
  ["a style picture", false, () => ({ ...common(), kind: "style", style: { image: style } })],
  ["a try-on", true, () => ({ ...common(), kind: "tryon", garment, category: "auto" })],
];

async function failure(work: Promise<unknown>): Promise<Pick<GenerationError, "name" | "failure">> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason as GenerationError,
  );
  return { name: error?.name ?? ("none" as never), failure: error?.failure ?? ("none" as never) };
}
const failed = (reason: GenerationError["failure"]) => ({ name: "GenerationError", failure: reason });

describe("createLocalImageGenerator", () => {
  it.each(kinds)(
    "makes a decodable picture of the person's size from %s, and says whether it is degraded",
    async (_, degraded, request) => {
      const result = await generator.generate(request(), { signal });
      const [before, after] = [
        await codec.decode(person.bytes, person.mime),
        await codec.decode(result.bytes, result.mime),
      ];
      expect(result).toMatchObject({ mime: "image/jpeg", degraded, model: "local-engine/3" });
      expect([after.width, after.height]).toEqual([240, 240]);
      const difference = after.data.reduce((sum, value, i) => sum + Math.abs(value - (before.data[i] as number)), 0);
      expect(difference / after.data.length).toBeGreaterThan(4);
    },
  );

  it.each(kinds)("gives the same bytes for %s and the same seed, others for another seed", async (_, __, request) => {
    const bytes = async (seed: number) =>
      (await generator.generate({ ...request(), seed, outputMime: "image/png" }, { signal })).bytes;
    const first = await bytes(1);
    expect(await bytes(1)).toEqual(first);
    expect(await bytes(2)).not.toEqual(first);
  });

  it("asks nobody outside", () => {
    expect([generator.outside, generator.expectedCostMicros("tryon")]).toEqual([false, 0]);
  });

  it("doesn't understand the prompt: it changes nothing", async () => {
    const plain = await generator.generate(preset("ink"), { signal });
    const prompted = await generator.generate({ ...preset("ink"), prompt: "in the style of nobody" }, { signal });
    expect(prompted.bytes).toEqual(plain.bytes);
  });

  it.each(IMAGE_MIMES)("encodes as %s when asked to", async (outputMime) => {
    const result = await generator.generate({ ...preset("noir"), outputMime }, { signal });
    expect(result.mime).toBe(outputMime);
    expect((await codec.decode(result.bytes, outputMime)).width).toBe(240);
  });

  it("shrinks pictures above 1024 px, and keeps their proportions", async () => {
    const wide = await codec.resize(await codec.decode(person.bytes, person.mime), 1536, 300);
    const large = { ...wide, bytes: await codec.encode(wide, "image/jpeg"), mime: "image/jpeg" as const };
    const result = await generator.generate({ ...preset("duotone"), person: large }, { signal });
    const made = await codec.decode(result.bytes, result.mime);
    expect([made.width, made.height]).toEqual([1024, 200]);
  });

  it.each([
    [64, 8192, 64, 8192],
    [6000, 100, 3840, 64],
  ])("keeps a long and thin picture of %d × %d px at least 64 px thin", async (width, height, toWidth, toHeight) => {
    const thin = await codec.resize(await codec.decode(person.bytes, person.mime), width, height);
    const long = { ...thin, bytes: await codec.encode(thin, "image/jpeg"), mime: "image/jpeg" as const };
    const result = await generator.generate({ ...preset("duotone"), person: long }, { signal });
    const made = await codec.decode(result.bytes, result.mime);
    expect([made.width, made.height]).toEqual([toWidth, toHeight]);
  });

  it("refuses pictures above 4 MP", async () => {
    const huge = { width: 2001, height: 2000, data: new Uint8ClampedArray(2001 * 2000 * 4) };
    const lazy: ImageCodec = { ...codec, decode: async () => huge };
    const work = createLocalImageGenerator({ codec: lazy }).generate(preset("ink"), { signal });
    expect(await failure(work)).toEqual(failed("invalid_input"));
  });

  it("refuses an unknown preset", async () => {
    expect(await failure(generator.generate(preset("constructor"), { signal }))).toEqual(failed("invalid_input"));
  });

  it("refuses a person, style picture or garment that can't be decoded, and does the next job", async () => {
    const junk: SourceImage = { bytes: new Uint8Array([1, 2, 3, 4]), mime: "image/png", width: 2, height: 2 };
    const requests: GenerateRequest[] = [
      { ...preset("ink"), person: junk },
      { ...common(), kind: "style", style: { image: junk } },
      { ...common(), kind: "tryon", garment: junk, category: "tops" },
    ];
    for (const request of requests) {
      expect(await failure(generator.generate(request, { signal }))).toEqual(failed("invalid_input"));
    }
    expect((await generator.generate(preset("ink"), { signal })).mime).toBe("image/jpeg");
  });

  it("doesn't begin when its signal has already fired", async () => {
    let decoded = 0;
    const counting: ImageCodec = {
      ...codec,
      decode: (bytes, mime) => {
        decoded++;
        return codec.decode(bytes, mime);
      },
    };
    const work = createLocalImageGenerator({ codec: counting }).generate(preset("ink"), {
      signal: AbortSignal.abort(),
    });
    expect(await failure(work)).toEqual(failed("timeout"));
    expect(decoded).toBe(0);
  });

  it("stops before the next stage when its signal fires on the way", async () => {
    const controller = new AbortController();
    let encoded = 0;
    const stopping: ImageCodec = {
      ...codec,
      decode: async (bytes, mime) => {
        setTimeout(() => controller.abort(new Error("deadline")), 0);
        return codec.decode(bytes, mime);
      },
      encode: (...args) => {
        encoded++;
        return codec.encode(...args);
      },
    };
    const work = createLocalImageGenerator({ codec: stopping }).generate(preset("ink"), { signal: controller.signal });
    expect(await failure(work)).toEqual(failed("timeout"));
    expect(encoded).toBe(0);
  });
});
