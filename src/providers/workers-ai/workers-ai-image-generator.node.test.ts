import { describe, expect, it } from "vitest";
import { pngOf, QUADRANT_JPEG, text, truncated } from "../../../test/support/pictures.ts";
import {
  CONFIG,
  codec,
  failureOf,
  GARMENT,
  MODEL,
  request,
  scriptedFailure,
  setUp,
  WISH,
} from "../../../test/support/workers-ai.ts";
import { IMAGE_MIMES } from "../../ports/image-codec.ts";
import { toBase64 } from "../image-models/base64.ts";
import { promptFor } from "../image-models/prompts.ts";
import type { WorkersAiBinding } from "./binding.ts";
import type { Scripted } from "./fake.ts";
import { outputSize } from "./request.ts";

describe("a request", () => {
  it("brings both pictures, small enough, in order, with the prompt, a size and a seed the model takes", async () => {
    const { fake, generate } = setUp();
    await generate();
    const [call] = fake.calls;
    expect(call?.model).toBe(MODEL);
    expect(call?.options.gateway).toBeUndefined();
    // Forms have the line ends of the network.
    expect(call?.form.prompt.replaceAll("\r\n", "\n")).toBe(promptFor(request()));
    expect(call?.form.prompt).toContain(WISH);
    expect([call?.form.width, call?.form.height]).toEqual([1_248, 832]);
    expect(call?.form.seed).toBe(4_000_000_000 % 2 ** 31);
    expect(call?.form.pictures.map(({ width, height }) => [width, height])).toEqual([
      [511, 341],
      [219, 511],
    ]);
    const means = [];
    for (const { bytes, mime } of call?.form.pictures ?? [])
      means.push((await codec.decode(bytes, mime)).data.slice(0, 3));
    expect((means[0]?.[0] ?? 0) > 180 && (means[1]?.[2] ?? 0) > 180).toBe(true);
  });

  it("for a style by picture brings it second, for a preset the person alone", async () => {
    const { fake, generate } = setUp();
    await generate(request({ kind: "style", style: { image: GARMENT } }));
    await generate(request({ kind: "style", style: { preset: "oil" } }));
    expect(fake.calls.map(({ form }) => form.pictures.length)).toEqual([2, 1]);
    expect(fake.calls[1]?.form.prompt).toContain("oil painting");
  });

  it("leaves pictures that are small enough as they are", async () => {
    const { fake, generate } = setUp();
    const small = { bytes: QUADRANT_JPEG, mime: "image/jpeg", width: 96, height: 64 } as const;
    await generate(request({ person: small }));
    expect(fake.calls[0]?.form.pictures[0]?.bytes).toEqual(QUADRANT_JPEG);
  });

  it("is the same for the same seed, and another for another", async () => {
    const { fake, generate } = setUp();
    for (const seed of [7, 7, 8]) await generate(request({ seed }));
    expect(fake.calls.map(({ form }) => form.seed)).toEqual([7, 7, 8]);
  });

  it("is cut to what the model reads, so that the rules behind the user's words are read as well", async () => {
    const { fake, generate } = setUp();
    for (const wish of ["ی".repeat(500), "a".repeat(500), "👗".repeat(250)]) {
      await generate(request({ prompt: wish }));
      const { prompt } = fake.calls.at(-1)?.form ?? { prompt: "" };
      const quoted = /<user_wish>(.*)<\/user_wish>/.exec(prompt)?.[1] ?? "";
      expect(quoted.isWellFormed() && wish.startsWith(quoted)).toBe(true);
      expect(new TextEncoder().encode(quoted).length).toBeLessThanOrEqual(360);
      expect(quoted.length).toBeGreaterThan(100);
      expect(prompt.endsWith("</user_wish>")).toBe(false);
    }
  });

  it.each([
    [64, 64],
    [96, 64],
    [8_192, 64],
    [64, 8_192],
    [3_000, 1_000],
    [1_023, 769],
  ])(
    "for a person of %d × %d px asks for blocks of 16 px within what the model makes and one megapixel",
    (width, height) => {
      const size = outputSize({ width, height });
      for (const side of [size.width, size.height]) {
        expect(side % 16).toBe(0);
        expect(side >= 256 && side <= 1_920).toBe(true);
      }
      expect(size.width * size.height).toBeLessThanOrEqual(1_024 * 1_024);
      const ratio = Math.min(1_920 / 256, Math.max(256 / 1_920, width / height));
      expect(Math.abs(size.width / size.height / ratio - 1)).toBeLessThan(0.05);
    },
  );
});

describe("an answer", () => {
  it.each(IMAGE_MIMES)("is a %s made of both pictures, at the configured price", async (mime) => {
    const { generate, generator } = setUp({}, { mime });
    const image = await generate();
    expect(image).toMatchObject({ mime, model: MODEL, degraded: false });
    expect(image.usage).toEqual({ promptTokens: 0, outputTokens: 0, costMicros: 15_000 });
    expect([generator.modelFor("style"), generator.expectedCostMicros("tryon")]).toEqual([MODEL, 15_000]);
    expect(generator.outside).toBe(true);
    const { width, height, data } = await codec.decode(image.bytes, mime);
    expect([width, height]).toEqual([1_248, 832]);
    // Half red, half blue.
    for (const channel of [0, 2]) expect(Math.abs((data[channel] as number) - 120)).toBeLessThan(20);
  });

  it("may come as a stream, of JSON or of the picture itself, or in the envelope of the API", async () => {
    const { fake, generate } = setUp();
    const image = toBase64(QUADRANT_JPEG);
    fake.script(
      { stream: text(JSON.stringify({ image })) },
      { stream: QUADRANT_JPEG },
      { answer: { result: { image }, success: true, errors: [] } },
    );
    for (let i = 0; i < 3; i++) expect(await generate()).toMatchObject({ mime: "image/jpeg", bytes: QUADRANT_JPEG });
  });

  it.each<[string, Scripted]>([
    ["nothing", { answer: null }],
    ["words", { answer: "sorry" }],
    ["an empty object", { answer: {} }],
    ["an empty picture", { answer: { image: "" } }],
    ["a number", { answer: { image: 7 } }],
    ["broken base64", { answer: { image: "%%%" } }],
    ["bytes that are no picture", { answer: { image: toBase64(text("hello, I am no picture at all")) } }],
    ["half a picture", { answer: { image: toBase64(truncated(QUADRANT_JPEG)) } }],
    ["one pixel", { answer: { image: toBase64(pngOf(1, 1)) } }],
    ["half of its JSON", { stream: text('{"image": "/9j/') }],
    ["a stream of junk", { stream: text("<html>") }],
    ["an empty stream", { stream: new Uint8Array(0) }],
  ])("of %s is no picture, and was paid for", async (_, next) => {
    const error = await scriptedFailure(next);
    expect(error.failure).toBe("no_image");
    expect(error.usage?.costMicros).toBe(15_000);
  });
});

describe("out of time", () => {
  it.each(["hang", "deaf"] as const)("a call ends at once, with a binding that is %s", async (next) => {
    const { fake, generate } = setUp();
    fake.script(next);
    const controller = new AbortController();
    const work = failureOf(generate(request(), controller.signal));
    await expect.poll(() => fake.calls.length).toBe(1);
    const before = performance.now();
    controller.abort();
    expect((await work).failure).toBe("timeout");
    expect(performance.now() - before).toBeLessThan(200);
  });

  it("before the call, nothing is asked", async () => {
    const { fake, generate } = setUp();
    expect((await failureOf(generate(request(), AbortSignal.abort()))).failure).toBe("timeout");
    expect(fake.attempts()).toBe(0);
  });

  it("the binding is given the signal", async () => {
    const { fake, generate } = setUp();
    const { signal } = new AbortController();
    await generate(request(), signal);
    expect(fake.calls[0]?.options.signal).toBe(signal);
  });

  it("a late error is nobody's", async () => {
    const late = Promise.withResolvers<never>();
    const binding: WorkersAiBinding = { run: () => late.promise };
    const { generate } = setUp({ binding });
    const controller = new AbortController();
    const work = failureOf(generate(request(), controller.signal));
    setTimeout(() => controller.abort(), 50);
    expect((await work).failure).toBe("timeout");
    // Were it not handled, the run of the tests would fail.
    late.reject(new Error("too late"));
    await new Promise((resolve) => setTimeout(resolve, 10));
  });
});

it("asks a gateway to keep photos out of its cache and log", async () => {
  const seen: unknown[] = [];
  const binding: WorkersAiBinding = {
    run: async (_model, _inputs, { gateway }) => {
      seen.push(gateway);
      return { image: toBase64(QUADRANT_JPEG) };
    },
  };
  await setUp({ binding, config: { ...CONFIG, gateway: "photos" } }).generate();
  expect(seen).toEqual([{ id: "photos", skipCache: true, collectLog: false }]);
});
