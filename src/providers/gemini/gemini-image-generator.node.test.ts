import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createNodeCodec } from "../../../test/support/node-codec.ts";
import { LOSSY_WEBP, pngOf, QUADRANT_JPEG } from "../../../test/support/pictures.ts";
import type { GeminiConfig } from "../../kernel/config.ts";
import type { Raster } from "../../ports/image-codec.ts";
import { type GenerateRequest, GenerationError, type SourceImage } from "../../ports/image-generator.ts";
import { type GeminiFake, startGeminiFake } from "./fake.ts";
import { PERSON_SHARE } from "./fake-picture.ts";
import type { GeminiScript } from "./fake-scripts.ts";
import { createGeminiGenerator } from "./gemini-image-generator.ts";
import { promptFor } from "./prompts.ts";

const MODELS = { style: "gemini-3.1-flash-image", tryon: "gemini-3-pro-image" };
const NOW = Date.parse("2026-07-15T23:00:00Z");
const PROMPT = "make my jacket turquoise";
const person: SourceImage = { bytes: pngOf(120, 160, () => [200, 40, 40]), mime: "image/png", width: 120, height: 160 };
const garment: SourceImage = { bytes: LOSSY_WEBP, mime: "image/webp", width: 96, height: 64 };
const codec = createNodeCodec();
let fake: GeminiFake;

beforeAll(async () => {
  fake = await startGeminiFake({ resultSidePx: 256 });
});
afterAll(() => fake.close());
afterEach(() => fake.reset());

const common = {
  conversionId: "cnv_1",
  person,
  prompt: PROMPT,
  seed: 7,
  outputMime: "image/jpeg",
  imageOnly: false,
} as const;
const tryOn: GenerateRequest = { ...common, kind: "tryon", garment, category: "tops" };
const byPicture: GenerateRequest = { ...common, kind: "style", style: { image: garment } };
const byPreset: GenerateRequest = { ...common, kind: "style", style: { preset: "oil" } };

function generatorFor(changes: Partial<GeminiConfig> = {}) {
  const config = { apiKey: fake.apiKey, baseUrl: fake.url, gatewayToken: null, models: MODELS, prices: null };
  return createGeminiGenerator({ ...config, ...changes }, () => NOW);
}

function generate(request: GenerateRequest = tryOn, signal: AbortSignal = new AbortController().signal) {
  return generatorFor().generate(request, { signal });
}

/** The error of a call that fails, which tells nothing of the url, the key or the user's words. */
async function failure(work: Promise<unknown>): Promise<GenerationError> {
  const error = await work.then(
    () => new Error("expected a failure"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof GenerationError)) throw error;
  const told = `${error.message}\n${error.stack}\n${String(error.cause)}`;
  for (const secret of [fake.url, "fake-key", PROMPT]) expect(told).not.toContain(secret);
  expect(error.message).not.toMatch(/[\n\r]/);
  expect(error.message.length).toBeLessThan(300);
  return error;
}

async function failureOf(script: GeminiScript, request: GenerateRequest = tryOn) {
  fake.script(script);
  return failure(generate(request));
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
    expect(generatorFor().modelFor("tryon")).toBe("gemini-3-pro-image");
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
    const own = generatorFor({ prices });
    expect((await own.generate(byPreset, { signal: new AbortController().signal })).usage?.costMicros).toBe(1_120);
    expect(own.expectedCostMicros("style")).toBe(2 * 1_290);
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

describe("a 200 without a usable picture", () => {
  const blocked = ["SAFETY", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "IMAGE_PROHIBITED_CONTENT", "RECITATION"];
  const alsoBlocked = ["IMAGE_RECITATION", "SPII", "BLOCKLIST"];
  const none = ["NO_IMAGE", "IMAGE_OTHER", "OTHER", "STOP", "MAX_TOKENS", "LANGUAGE", "NEVER_SEEN_BEFORE"];

  it.each([
    ...[...blocked, ...alsoBlocked].flatMap((reason) =>
      ["finish", "finish-message", "finish-with-picture"].map((script) => `${script}:${reason}`),
    ),
    ...["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY"].map((reason) => `block:${reason}`),
  ])("%s is blocked, and tells what it used", async (script) => {
    const error = await failureOf(script);
    expect(error).toMatchObject({ failure: "blocked", usage: { promptTokens: expect.any(Number) } });
    expect(error.usage?.costMicros).toBeGreaterThan(0);
    expect(error.message).toContain(script.split(":")[1]);
  });

  it.each([
    ...none.flatMap((reason) => [`finish:${reason}`, `finish-message:${reason}`]),
    ...["NO_IMAGE", "OTHER", "NEVER_SEEN_BEFORE"].map((reason) => `finish-with-picture:${reason}`),
    "words-only",
    "no-candidates",
    "null-parts",
    "empty-content",
    "no-content",
    "thoughts-only",
    "corrupt-base64",
    "not-a-picture",
    "cut-picture",
    "tiny",
    "bomb",
    "oversized",
  ])("%s is no picture, and tells what it used", async (script) => {
    const error = await failureOf(script);
    expect(error).toMatchObject({ failure: "no_image", usage: { promptTokens: expect.any(Number) } });
  });

  it("an empty object is no picture, of unknown cost", async () => {
    expect(await failureOf("nothing")).toMatchObject({ failure: "no_image", usage: null });
  });

  it("bills a refused picture as a picture", async () => {
    expect((await failureOf("finish-with-picture:IMAGE_SAFETY", byPreset)).usage?.costMicros).toBeGreaterThan(
      1_120 * 60,
    );
  });
});

describe("an HTTP error", () => {
  it.each([
    ["invalid-argument", "invalid_input", null],
    ["api-key-invalid", "config", null],
    ["location", "config", null],
    ["billing", "config", null],
    ["unauthenticated", "config", null],
    ["forbidden", "config", null],
    ["model-gone", "config", null],
    ["no-credit", "config", null],
    ["rate-limited", "rate_limited", null],
    ["rate-limited:37s", "rate_limited", 37_000],
    ["rate-limited:1.5s", "rate_limited", 1_500],
    ["rate-limited:0s", "rate_limited", 0],
    ["rate-limited:12.345678901s", "rate_limited", 12_346],
    ["rate-limited:soon", "rate_limited", null],
    ["rate-limited:-5s", "rate_limited", null],
    // Pacific midnight is eight hours away, whatever delay is named.
    ["quota-day", "quota_day", 8 * 3_600_000],
    ["internal", "unavailable", null],
    ["unavailable", "unavailable", null],
    ["deadline-exceeded", "unavailable", null],
    ["html-502", "unavailable", null],
  ] as const)("%s is %s, to be tried again after %j ms", async (script, expected, retryAfterMs) => {
    expect(await failureOf(script)).toMatchObject({ failure: expected, retryAfterMs, usage: null });
  });

  it("404 names the model that is not there", async () => {
    const gone = generatorFor({ models: { ...MODELS, style: "gemini-1.0-image" } });
    const error = await failure(gone.generate(byPreset, { signal: new AbortController().signal }));
    expect(error).toMatchObject({ failure: "config" });
    expect(error.message).toMatch(/^Gemini gemini-1\.0-image: HTTP 404, model gemini-1\.0-image not found/);
  });

  it("a wrong key is configuration, not the user's fault", async () => {
    const call = generatorFor({ apiKey: "another" }).generate(byPreset, { signal: new AbortController().signal });
    expect(await failure(call)).toMatchObject({ failure: "config" });
    expect(fake.counts().refused).toBe(1);
  });

  const google = (status: number, error: unknown) => ({ status, body: JSON.stringify({ error }) });

  it.each([
    ["a 400 about billing that names no reason", 400, { message: "Please enable billing on project 1." }, "config"],
    [
      "a 400 with a precondition",
      400,
      { message: "No.", details: [{ "@type": "type.googleapis.com/google.rpc.PreconditionFailure" }] },
      "config",
    ],
    ["a 400 that quotes an error of the key", 400, { message: 'Bad text: "API key not valid"' }, "invalid_input"],
    ["a 400 whose details are of no shape", 400, { message: "No.", details: "x" }, "invalid_input"],
    ["a 400 without a body", 400, undefined, "invalid_input"],
    ["413", 413, { message: "Too large" }, "invalid_input"],
    ["402 of a gateway", 402, undefined, "config"],
    ["410", 410, { message: "Gone" }, "config"],
    ["408", 408, undefined, "unavailable"],
    ["499", 499, { message: "The operation was cancelled." }, "unavailable"],
    ["429 without details", 429, { message: "Resource has been exhausted (e.g. check quota)." }, "rate_limited"],
    ["429 with details of no shape", 429, { message: "x", details: [null, 5, { violations: 7 }] }, "rate_limited"],
    ["429 without a body", 429, undefined, "rate_limited"],
    ["529", 529, undefined, "unavailable"],
    ["302 to nowhere", 302, undefined, "unavailable"],
  ])("%s", async (_, status, error, expected) => {
    expect(await failureOf(google(status, error))).toMatchObject({ failure: expected });
  });

  it("a day's quota among others is a day's quota", async () => {
    const violations = ["GenerateRequestsPerMinute", "GenerateContentInputTokensPerDay-FreeTier"];
    const details = [
      {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        violations: violations.map((quotaId) => ({ quotaId })),
      },
    ];
    expect(await failureOf(google(429, { message: "x", details }))).toMatchObject({ failure: "quota_day" });
  });

  it("repeats of Google's sentence neither the key nor the user's words", async () => {
    const message = `Can't do «${PROMPT}»\nwith fake-key at ${fake.url}/v1beta?key=fake-key`;
    const error = await failureOf(google(400, { message }));
    expect(error.message).toContain("HTTP 400, refused: Can't do «…» with … at …");
  });
});

describe("a broken connection", () => {
  it.each(["reset", "cut", "truncated-json", "html-200"])("%s is unavailable", async (script) => {
    expect(await failureOf(script)).toMatchObject({ failure: "unavailable", retryAfterMs: null, usage: null });
  });

  it.each(["null", "[]", '"text"', "7", "", "{"])("the body %j never is a picture", async (body) => {
    expect(["unavailable", "no_image"]).toContain((await failureOf({ status: 200, body })).failure);
  });

  it("nobody there is unavailable", async () => {
    const nowhere = await startGeminiFake();
    await nowhere.close();
    const call = generatorFor({ baseUrl: nowhere.url }).generate(byPreset, { signal: new AbortController().signal });
    const error = await failure(call);
    expect(error).toMatchObject({ failure: "unavailable" });
    expect(error.message).not.toContain(nowhere.url);
  });
});

describe("time", () => {
  it.each(["hang", "slow-headers", "stall", "slow-body"])(
    "runs out promptly at %s, and the connection is given up",
    async (script) => {
      fake.script(script);
      const startedAt = performance.now();
      expect(await failure(generate(tryOn, AbortSignal.timeout(150)))).toMatchObject({ failure: "timeout" });
      expect(performance.now() - startedAt).toBeLessThan(1_000);
      await expect.poll(() => fake.counts().abandoned).toBe(1);
    },
  );

  it.each([["hang"], ["stall"]])("an abort with a reason of its own at %s is a timeout as well", async (script) => {
    fake.script(script);
    const controller = new AbortController();
    const call = failure(generate(tryOn, controller.signal));
    await expect.poll(() => fake.calls.length).toBe(1);
    controller.abort(new Error(`the job ${PROMPT} was canceled`));
    expect(await call).toMatchObject({ failure: "timeout", usage: null });
  });

  it("that has run out already sends nothing", async () => {
    expect(await failure(generate(tryOn, AbortSignal.abort()))).toMatchObject({ failure: "timeout" });
    await generate();
    expect(fake.counts().requests).toBe(1);
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
    generatorFor({ baseUrl: rule.url })
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
