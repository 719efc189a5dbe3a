import { describe, expect, inject, it } from "vitest";
import { inspectImage } from "../../../src/modules/images/jobs.ts";
import type { GenerateRequest, GenerationError } from "../../../src/ports/image-generator.ts";
import { createGeminiGenerator } from "../../../src/providers/gemini/gemini-image-generator.ts";
import { pngOf, QUADRANT_JPEG } from "../../support/pictures.ts";

const fake = inject("geminiFake");
/** Scripts and calls of this model are nobody else's. */
const MODEL = "gemini-2.5-flash-image";
/** Larger than the part in which base64 would be made without the built-in. */
const PERSON = pngOf(150, 200, (x, y) => [x, y, (x * y) % 256]);

const generator = createGeminiGenerator({
  apiKey: "fake-key",
  baseUrl: fake,
  gatewayToken: null,
  models: { style: MODEL, tryon: MODEL },
  prices: null,
});
const tryOn: GenerateRequest = {
  conversionId: "cnv_1",
  kind: "tryon",
  person: { bytes: PERSON, mime: "image/png", width: 150, height: 200 },
  garment: { bytes: QUADRANT_JPEG, mime: "image/jpeg", width: 96, height: 64 },
  category: "tops",
  prompt: "in blue",
  seed: 1,
  outputMime: "image/jpeg",
  imageOnly: false,
};

async function script(...scripts: string[]): Promise<void> {
  const response = await fetch(`${fake}/__fake/script?model=${MODEL}`, {
    method: "POST",
    body: JSON.stringify(scripts),
  });
  expect([response.status, await response.json()]).toEqual([200, {}]);
}

async function lastCall(): Promise<unknown> {
  const response = await fetch(`${fake}/__fake/calls?pictures&model=${MODEL}`);
  return ((await response.json()) as { calls: unknown[] }).calls.at(-1);
}

function failure(signal: AbortSignal = new AbortController().signal): Promise<GenerationError> {
  return generator.generate(tryOn, { signal }).then(
    () => Promise.reject(new Error("expected a failure")),
    (error: GenerationError) => error,
  );
}

describe("createGeminiGenerator in workerd", () => {
  it("sends both pictures whole and takes the picture that comes back", async () => {
    const { bytes, mime, usage } = await generator.generate(tryOn, { signal: new AbortController().signal });
    expect(inspectImage(bytes)).toMatchObject({ ok: true, mime, width: 96, height: 128 });
    expect(usage?.costMicros).toBeGreaterThan(0);
    expect(await lastCall()).toMatchObject({ data: [PERSON.toBase64(), QUADRANT_JPEG.toBase64()] });
  });

  it.each([
    ["api-key-invalid", "config"],
    ["rate-limited:37s", "rate_limited"],
    ["quota-day", "quota_day"],
    ["unavailable", "unavailable"],
    ["html-502", "unavailable"],
    ["html-200", "unavailable"],
    ["truncated-json", "unavailable"],
    ["cut", "unavailable"],
    ["reset", "unavailable"],
    ["corrupt-base64", "no_image"],
    ["words-only", "no_image"],
    ["finish:IMAGE_SAFETY", "blocked"],
  ])("%s is %s", async (name, expected) => {
    await script(name);
    const error = await failure();
    expect(error).toMatchObject({ name: "GenerationError", failure: expected });
    expect(error.message).not.toContain(fake);
  });

  it.each(["hang", "stall", "slow-body"])("an abort during %s ends the call at once, as a timeout", async (name) => {
    await script(name);
    const startedAt = Date.now();
    expect(await failure(AbortSignal.timeout(200))).toMatchObject({ failure: "timeout" });
    expect(Date.now() - startedAt).toBeLessThan(2_000);
  });

  it("sends nothing where time has run out before", async () => {
    await script("internal");
    expect(await failure(AbortSignal.abort())).toMatchObject({ failure: "timeout" });
    expect(await failure()).toMatchObject({ message: expect.stringContaining("HTTP 500") });
  });

  it("waits for Pacific midnight, in workerd's time zones as well", async () => {
    await script("quota-day");
    const { retryAfterMs } = await failure();
    const reset = new Date(Date.now() + (retryAfterMs as number));
    const there = reset.toLocaleTimeString("en-GB", { timeZone: "America/Los_Angeles", timeStyle: "short" });
    expect(["00:00", "23:59"]).toContain(there);
  });
});
