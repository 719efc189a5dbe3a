import { afterEach, describe, expect, it, vi } from "vitest";
import { QUADRANT_JPEG } from "../../../test/support/pictures.ts";
import type { GeminiConfig } from "../../kernel/config.ts";
import type { GenerateRequest } from "../../ports/image-generator.ts";
import { providerText } from "../image-models/provider-text.ts";
import { nearestAspectRatio } from "./aspect-ratio.ts";
import { createGeminiGenerator } from "./gemini-image-generator.ts";

const config: GeminiConfig = {
  apiKey: "key-1",
  baseUrl: "https://generativelanguage.googleapis.com",
  gatewayToken: "token-1",
  models: { style: "gemini-3.1-flash-image", tryon: "gemini-3-pro-image" },
  prices: null,
};
const request: GenerateRequest = {
  conversionId: "cnv_1",
  kind: "style",
  style: { preset: "oil" },
  person: { bytes: QUADRANT_JPEG, mime: "image/jpeg", width: 96, height: 64 },
  prompt: null,
  seed: 0xffff_fff0,
  outputMime: "image/jpeg",
  imageOnly: false,
};

afterEach(() => vi.unstubAllGlobals());

/** What would go over the wire. */
async function sent(changes: Partial<GeminiConfig> = {}): Promise<Request> {
  const requests: Request[] = [];
  vi.stubGlobal("fetch", async (input: string, init: RequestInit) => {
    requests.push(new Request(input, init));
    return Response.json({});
  });
  const generator = createGeminiGenerator({ ...config, ...changes });
  await generator.generate(request, { signal: new AbortController().signal }).catch(() => null);
  expect(requests).toHaveLength(1);
  return requests[0] as Request;
}

const headersOf = (request: Request) => Object.fromEntries(request.headers);

describe("an AI Gateway", () => {
  const gateway = "https://gateway.ai.cloudflare.com/v1/account/my-gateway/google-ai-studio";

  it("is called once, past its cache, and told to keep no pictures", async () => {
    const request = await sent({ baseUrl: gateway });
    expect(request.url).toBe(`${gateway}/v1beta/models/gemini-3.1-flash-image:generateContent`);
    expect(headersOf(request)).toMatchObject({
      "cf-aig-max-attempts": "1",
      "cf-aig-skip-cache": "true",
      "cf-aig-collect-log-payload": "false",
      "cf-aig-authorization": "Bearer token-1",
      "x-goog-api-key": "key-1",
      "x-goog-api-client": "genai-js/0.24.1",
    });
  });

  it("gets no token where none is configured", async () => {
    expect(headersOf(await sent({ baseUrl: gateway, gatewayToken: null }))).not.toHaveProperty("cf-aig-authorization");
  });

  it.each([
    "https://generativelanguage.googleapis.com",
    "https://gateway.ai.cloudflare.com.example.org/v1/account/gw/google-ai-studio",
    "https://example.org/gateway.ai.cloudflare.com",
  ])("is not %s, which never sees the gateway's token", async (baseUrl) => {
    const headers = headersOf(await sent({ baseUrl }));
    expect(Object.keys(headers).filter((name) => name.startsWith("cf-"))).toEqual([]);
    expect(JSON.stringify(headers)).not.toContain("token-1");
  });
});

it("sends the API's own body: safety as it is by default, a seed that fits, the picture as it is", async () => {
  const body = await (await sent()).json();
  expect(body).toEqual({
    contents: [
      {
        role: "user",
        parts: [
          { text: expect.stringContaining("oil painting") },
          { inlineData: { mimeType: "image/jpeg", data: Buffer.from(QUADRANT_JPEG).toString("base64") } },
        ],
      },
    ],
    generationConfig: {
      responseModalities: ["TEXT", "IMAGE"],
      imageConfig: { aspectRatio: "3:2" },
      seed: 0x7fff_fff0,
    },
    safetySettings: [],
  });
});

it.each([
  [{ baseUrl: "not a url" }],
  [{ apiKey: "line\nbreak" }],
  [{ baseUrl: "https://gateway.ai.cloudflare.com/v1/a/g/google-ai-studio", gatewayToken: "line\nbreak" }],
])("a url or key that can't be used is configuration, and is not told: %j", async (changes) => {
  const fetched = vi.fn();
  vi.stubGlobal("fetch", fetched);
  const call = createGeminiGenerator({ ...config, ...changes }).generate(request, {
    signal: AbortSignal.timeout(5000),
  });
  await expect(call).rejects.toMatchObject({
    failure: "config",
    message: "Gemini gemini-3.1-flash-image: no request can be made of the configured url and keys",
  });
  expect(fetched).not.toHaveBeenCalled();
});

describe("nearestAspectRatio", () => {
  it.each([
    [1000, 1000, "1:1"],
    [1024, 768, "4:3"],
    [768, 1024, "3:4"],
    [3024, 4032, "3:4"],
    [1080, 1920, "9:16"],
    [1920, 1080, "16:9"],
    [1000, 1250, "4:5"],
    [1290, 1000, "5:4"],
    [1300, 1000, "4:3"],
    [2333, 1000, "21:9"],
    [4000, 1000, "4:1"],
    [1000, 4000, "1:4"],
    [1000, 7900, "1:8"],
  ])("of %i × %i is %s", (width, height, expected) => {
    expect(nearestAspectRatio("gemini-3.1-flash-image", { width, height })).toBe(expected);
  });

  it("keeps to what older and unknown models make", () => {
    for (const model of ["gemini-2.5-flash-image", "gemini-3-pro-image", "another"]) {
      expect(nearestAspectRatio(model, { width: 1000, height: 4000 })).toBe("9:16");
      expect(nearestAspectRatio(model, { width: 4000, height: 1000 })).toBe("21:9");
    }
  });
});

describe("providerText", () => {
  it("is one short line without urls, keys and the user's words", () => {
    const text = `Bad\n\u0007 key key-1 at https://x.example/v1?key=1 for "paint her blue" ${"x".repeat(999)}`;
    const told = providerText(text, ["key-1", null, "paint her blue"]);
    expect(told).toMatch(/^Bad key … at … for "…" x+$/);
    expect(told).toHaveLength(160);
  });

  it("finds the user's words in another spacing, and cuts out what the request held", () => {
    expect(providerText("No: make   it\tblue!", ["make it\nblue"])).toBe("No: …!");
    expect(providerText(`Decoding failed for "${"iVBORw0K".repeat(99)}"`, [])).toBe('Decoding failed for "…"');
  });

  it.each([
    ["Can't draw 'a zeppelin over the barn", "Can't draw '…"],
    ["Can't draw: A ZEPPELIN OVER THE BARNACLE SEA.", "Can't draw: …."],
    ["Can't draw …over the barnacle sea, for two people.", "Can't draw ……, for two people."],
    ["The sea is not allowed.", "The sea is not allowed."],
  ])("cuts out a part of the user's words, in letters of any size: %s", (text, told) => {
    expect(providerText(text, ["a zeppelin over the barnacle sea"])).toBe(told);
  });

  it.each([null, undefined, 5, {}])("is nothing for %j", (value) => {
    expect(providerText(value, [])).toBe("");
  });
});
