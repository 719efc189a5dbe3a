import { describe, expect, it } from "vitest";
import { pricesFor } from "./prices.ts";
import { expectedCost, usageOf } from "./usage.ts";

const prices = { inputMicros: 500_000, outputMicros: 3_000_000, imageMicros: 60_000_000 };
const usage = (metadata: unknown, hasPicture = true) => usageOf({ usageMetadata: metadata }, prices, hasPicture);

describe("usageOf", () => {
  it("bills by the total: pictures at their price, all other output at the price of text", () => {
    const metadata = {
      promptTokenCount: 615,
      candidatesTokenCount: 1_210,
      totalTokenCount: 2_025,
      thoughtsTokenCount: 200,
      candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: 1_120 }],
    };
    // 615 × 0.5 + 1,120 × 60 + 290 × 3, in micros
    expect(usage(metadata)).toEqual({ promptTokens: 615, outputTokens: 1_410, costMicros: 68_378 });
  });

  it.each([
    ["there are no details", {}, true],
    ["details are empty", { candidatesTokensDetails: [] }, true],
    ["details forget the picture", { candidatesTokensDetails: [{ modality: "TEXT", tokenCount: 4 }] }, true],
    ["there are no details and no picture", {}, false],
  ])("prices all output as picture where %s", (_, details, hasPicture) => {
    const metadata = { promptTokenCount: 100, candidatesTokenCount: 1_000, totalTokenCount: 1_100, ...details };
    expect(usage(metadata, hasPicture)?.costMicros).toBe(50 + 60_000);
  });

  it("prices words as words where a failed call says that they were words", () => {
    const details = { candidatesTokensDetails: [{ modality: "TEXT", tokenCount: 90 }] };
    expect(usage({ promptTokenCount: 100, totalTokenCount: 190, ...details }, false)?.costMicros).toBe(50 + 270);
  });

  it("is never lower than the pictures told of, though the total be too small", () => {
    const details = { candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: 1_120 }] };
    expect(usage({ promptTokenCount: 100, totalTokenCount: 300, ...details })?.costMicros).toBe(50 + 67_200);
  });

  it("adds up what was answered and thought where no total, or an impossible one, is told", () => {
    const counts = { promptTokenCount: 100, candidatesTokenCount: 30, thoughtsTokenCount: 12 };
    for (const totalTokenCount of [undefined, 50, -1, "1825", null]) {
      expect(usage({ ...counts, totalTokenCount })?.outputTokens).toBe(42);
    }
  });

  it("costs the prompt alone where that is all there is, as for a blocked one", () => {
    expect(usage({ promptTokenCount: 1_000, totalTokenCount: 1_000 }, false)).toEqual({
      promptTokens: 1_000,
      outputTokens: 0,
      costMicros: 500,
    });
  });

  it("reads snake case", () => {
    const metadata = { prompt_token_count: 10, total_token_count: 30 };
    expect(usageOf({ usage_metadata: metadata }, prices, true)).toMatchObject({ promptTokens: 10, outputTokens: 20 });
  });

  it.each([
    undefined,
    null,
    5,
    "none",
    [],
    {},
    { promptTokenCount: -1 },
    { promptTokenCount: "12" },
    { totalTokenCount: 1.5 },
  ])("is not known from %j", (metadata) => {
    expect(usage(metadata)).toBeNull();
  });

  it.each([null, undefined, "text", 7, []])("is not known from the answer %j", (answer) => {
    expect(usageOf(answer, prices, false)).toBeNull();
  });
});

describe("pricesFor", () => {
  it("takes the published price of a model and of its preview", () => {
    expect(pricesFor("gemini-3.1-flash-image", null)).toEqual(prices);
    expect(pricesFor("gemini-3.1-flash-image-preview", null)).toEqual(prices);
    expect(pricesFor("models/gemini-3.1-flash-image-preview-09-2026", null)).toEqual(prices);
  });

  it("takes configured prices over published ones", () => {
    const own = { inputMicros: 1, outputMicros: 2, imageMicros: 3 };
    expect(pricesFor("gemini-3-pro-image", own)).toEqual(own);
  });

  it("takes the dearest for a model that is not known", () => {
    expect(pricesFor("gemini-9-ultra-image", null)).toEqual(pricesFor("gemini-3-pro-image", null));
  });
});

describe("expectedCost", () => {
  it.each(["gemini-2.5-flash-image", "gemini-3.1-flash-lite-image", "gemini-3.1-flash-image", "gemini-3-pro-image"])(
    "is above what a usual call of %s costs, and below three of them",
    (model) => {
      const of = pricesFor(model, null);
      const usual = { promptTokenCount: 2_500, candidatesTokenCount: 1_300, totalTokenCount: 4_100 };
      const cost = usageOf(
        { usageMetadata: { ...usual, candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: 1_290 }] } },
        of,
        true,
      )?.costMicros as number;
      expect(expectedCost(of)).toBeGreaterThan(cost);
      expect(expectedCost(of)).toBeLessThan(3 * cost);
    },
  );
});
