import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { byPicture, byPreset, generatorFor, tryOn } from "../../../test/support/gemini.ts";
import { createNodeCodec } from "../../../test/support/node-codec.ts";
import { QUADRANT_JPEG } from "../../../test/support/pictures.ts";
import type { Raster } from "../../ports/image-codec.ts";
import type { GenerateRequest, GenerationError } from "../../ports/image-generator.ts";
import { promptFor } from "../image-models/prompts.ts";
import { type GeminiFake, startGeminiFake } from "./fake.ts";
import { PERSON_SHARE } from "./fake-picture.ts";

const codec = createNodeCodec();
const { person, garment } = tryOn;
let fake: GeminiFake;

beforeAll(async () => {
  fake = await startGeminiFake({ resultSidePx: 256 });
});
afterAll(() => fake.close());
afterEach(() => fake.reset());

function generate(request: GenerateRequest = tryOn, signal: AbortSignal = new AbortController().signal) {
  return generatorFor(fake).generate(request, { signal });
}

const meanOf = ({ data }: Raster, channel: number) =>
  data.reduce((sum, value, i) => (i % 4 === channel ? sum + value : sum), 0) / (data.length / 4);

describe("a call", () => {
  it("sends both pictures of a try-on as they are, in order, and the result shows both", async () => {
    const result = await generate();
    const call = fake.calls[0];
    expect(fake.calls).toHaveLength(1);
    expect(call).toMatchObject({
      model: "gemini-3-pro-image",
      prompt: promptFor(tryOn),
      pictures: [
        { mime: "image/png", bytes: person.bytes.length },
        { mime: "image/webp", bytes: garment.bytes.length },
      ],
      generationConfig: { responseModalities: ["TEXT", "IMAGE"], imageConfig: { aspectRatio: "3:4" }, seed: 7 },
      headers: { "x-goog-api-client": "genai-js/0.24.1" },
    });
    expect(call?.data.map((bytes) => Buffer.from(bytes))).toEqual(
      [person, garment].map(({ bytes }) => Buffer.from(bytes)),
    );

    expect(result).toMatchObject({ mime: "image/png", model: "gemini-3-pro-image", degraded: false });
    const [painted, worn] = [
      await codec.decode(result.bytes, result.mime),
      await codec.decode(garment.bytes, garment.mime),
    ];
    expect([painted.width, painted.height]).toEqual([192, 256]);
    for (const [channel, ofPerson] of [200, 40, 40].entries()) {
      const expected = PERSON_SHARE * ofPerson + (1 - PERSON_SHARE) * meanOf(worn, channel);
      expect(Math.abs(meanOf(painted, channel) - expected)).toBeLessThan(4);
    }
  });

  it("sends both pictures for a style by picture and one for a preset, to the model of styles", async () => {
    await generate(byPicture);
    await generate(byPreset);
    expect(fake.calls.map(({ model, pictures }) => [model, pictures.length])).toEqual([
      ["gemini-3.1-flash-image", 2],
      ["gemini-3.1-flash-image", 1],
    ]);
    expect(generatorFor(fake).modelFor("tryon")).toBe("gemini-3-pro-image");
  });

  it("asks for a picture alone where an earlier answer had none", async () => {
    await generate({ ...tryOn, imageOnly: true });
    expect(fake.calls[0]?.generationConfig).toMatchObject({ responseModalities: ["IMAGE"] });
  });

  it.each([
    [2000, 1000, "16:9"],
    [1000, 1000, "1:1"],
    [1000, 4000, "1:4"],
  ])("asks a person of %i × %i for %s", async (width, height, aspectRatio) => {
    await generate({ ...byPreset, person: { ...person, width, height } });
    expect(fake.calls[0]?.generationConfig).toMatchObject({ imageConfig: { aspectRatio } });
  });

  it("takes the largest seed that a conversion may have", async () => {
    await generate({ ...tryOn, seed: 4_294_967_295 });
    expect(fake.calls).toHaveLength(1);
  });

  it("costs what the answer says it used, at the model's prices or at the configured ones", async () => {
    const { usage } = await generate(byPreset);
    const prompt = Math.ceil(promptFor(byPreset).length / 4) + 258;
    // 1,120 tokens of picture at $60, 90 others at $3, the prompt at $0.5, each for a million
    expect(usage).toEqual({
      promptTokens: prompt,
      outputTokens: 1_210,
      costMicros: Math.ceil(prompt * 0.5 + 1_120 * 60 + 90 * 3),
    });
    const prices = { inputMicros: 0, outputMicros: 0, imageMicros: 1e6 };
    const own = generatorFor(fake, { prices });
    expect((await own.generate(byPreset, { signal: new AbortController().signal })).usage?.costMicros).toBe(1_120);
    expect(own.expectedCostMicros("style")).toBe(2 * 1_290);
    expect(own.outside).toBe(true);
  });

  it("costs an unknown sum where the answer doesn't say", async () => {
    fake.script("no-usage");
    expect((await generate()).usage).toBeNull();
  });

  it.each(["ok:jpeg", "ok:png", "several-pictures", "thoughts-last", "picture-first", "snake-case", "wrong-mime"])(
    "finds the one result in the answer %s",
    async (script) => {
      fake.script(script);
      const { bytes, mime } = await generate();
      expect(mime).toBe(["ok:jpeg", "wrong-mime"].includes(script) ? "image/jpeg" : "image/png");
      const painted = await codec.decode(bytes, mime);
      // Drafts and thoughts are 96 × 96.
      expect([painted.width, painted.height]).toEqual([192, 256]);
    },
  );

  it("takes an answer that comes in two halves", async () => {
    fake.script("slow-body:30");
    expect((await generate()).bytes.length).toBeGreaterThan(100);
  });
});

it("many calls at once each get their own answer", async () => {
  const scripts = ["ok", "unavailable", "finish:IMAGE_SAFETY", "reset", "words-only", "rate-limited:3s"];
  const seeds = scripts.map((_, i) => i);
  const rule = await startGeminiFake({
    resultSidePx: 128,
    rule: ({ generationConfig }) => scripts[generationConfig.seed as number],
  });
  const { signal } = new AbortController();
  const calls = seeds.map((seed) =>
    generatorFor(rule)
      .generate({ ...byPreset, seed }, { signal })
      .then(
        () => "ok",
        (error: GenerationError) => error.failure,
      ),
  );
  expect(await Promise.all(calls)).toEqual(["ok", "unavailable", "blocked", "unavailable", "no_image", "rate_limited"]);
  await rule.close();
});

it("a photo of another type goes out as what it is", async () => {
  await generate({ ...byPreset, person: { bytes: QUADRANT_JPEG, mime: "image/jpeg", width: 96, height: 64 } });
  expect(fake.calls[0]?.pictures).toMatchObject([{ mime: "image/jpeg", bytes: QUADRANT_JPEG.length }]);
});
