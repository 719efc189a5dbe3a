import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createNodeCodec } from "../../../test/support/node-codec.ts";
import { pngOf, QUADRANT_JPEG, truncated } from "../../../test/support/pictures.ts";
import { type GeminiFake, startGeminiFake } from "./fake.ts";
import { SCRIPT_NAMES } from "./fake-scripts.ts";

const PERSON = pngOf(64, 64, () => [250, 250, 250]);
const GARMENT = pngOf(64, 64, () => [0, 0, 0]);
const codec = createNodeCodec();
let fake: GeminiFake;

beforeAll(async () => {
  fake = await startGeminiFake({ resultSidePx: 64 });
});
afterAll(() => fake.close());
afterEach(() => {
  fake.reset();
  fake.setChaos({});
});

const part = (bytes: Uint8Array, mimeType = "image/png") => ({
  inlineData: { mimeType, data: Buffer.from(bytes).toString("base64") },
});
const good = {
  contents: [{ role: "user", parts: [{ text: "Dress picture 1 in picture 2." }, part(PERSON), part(GARMENT)] }],
  generationConfig: { responseModalities: ["TEXT", "IMAGE"], imageConfig: { aspectRatio: "1:1" }, seed: 5 },
};
const withParts = (...parts: unknown[]) => ({ ...good, contents: [{ role: "user", parts }] });
const withConfig = (changes: object) => ({ ...good, generationConfig: { ...good.generationConfig, ...changes } });

interface Changes {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

function send({ path, method = "POST", headers, body = good }: Changes = {}, to: GeminiFake = fake) {
  return fetch(to.url + (path ?? "/v1beta/models/gemini-3.1-flash-image:generateContent"), {
    method,
    headers: {
      "Content-Type": "application/json",
      "x-goog-api-key": to.apiKey,
      "x-goog-api-client": "genai-js/0.24.1",
      ...headers,
    },
    body: method === "GET" ? null : typeof body === "string" ? body : JSON.stringify(body),
  });
}

const control = (path: string, body?: unknown) =>
  fetch(`${fake.url}/__fake/${path}`, body === undefined ? {} : { method: "POST", body: JSON.stringify(body) });

interface Answer {
  readonly candidates: readonly {
    readonly content: { readonly parts: readonly { inlineData?: { data: string } }[] };
  }[];
}

async function pixelOf(response: Response): Promise<number> {
  const { candidates } = (await response.json()) as Answer;
  const data = candidates[0]?.content.parts.find(({ inlineData }) => inlineData)?.inlineData?.data ?? "";
  return (await codec.decode(Buffer.from(data, "base64"), "image/png")).data[0] as number;
}

describe("what Google would not take", () => {
  const long = withParts({ text: "x".repeat(21 * 1024 * 1024) });

  it.each<[string, Changes, number, string]>([
    ["another path", { path: "/v1/models" }, 404, "NOT_FOUND"],
    ["another method", { method: "GET" }, 404, "NOT_FOUND"],
    ["another verb", { path: "/v1beta/models/gemini-3.1-flash-image:countTokens" }, 404, "NOT_FOUND"],
    ["an unknown model", { path: "/v1beta/models/gemini-1.0:generateContent" }, 404, "NOT_FOUND"],
    ["no key", { headers: { "x-goog-api-key": "" } }, 403, "PERMISSION_DENIED"],
    ["another key", { headers: { "x-goog-api-key": "x" } }, 400, "INVALID_ARGUMENT"],
    ["no client", { headers: { "x-goog-api-client": "" } }, 400, "INVALID_ARGUMENT"],
    ["another type", { headers: { "Content-Type": "text/plain" } }, 400, "INVALID_ARGUMENT"],
    ["no JSON", { body: "{" }, 400, "INVALID_ARGUMENT"],
    ["more than 20 MB", { body: long }, 400, "INVALID_ARGUMENT"],
    ["no contents", { body: { ...good, contents: [] } }, 400, "INVALID_ARGUMENT"],
    ["another role", { body: { ...good, contents: [{ role: "system", parts: [] }] } }, 400, "INVALID_ARGUMENT"],
    ["no parts", { body: withParts() }, 400, "INVALID_ARGUMENT"],
    ["an unknown field", { body: { ...good, image: 1 } }, 400, "INVALID_ARGUMENT"],
    ["an unknown setting", { body: withConfig({ size: "1K" }) }, 400, "INVALID_ARGUMENT"],
    ["an unknown modality", { body: withConfig({ responseModalities: ["PICTURE"] }) }, 400, "INVALID_ARGUMENT"],
    ["words only", { body: withConfig({ responseModalities: ["TEXT"] }) }, 400, "INVALID_ARGUMENT"],
    ["no modalities", { body: withConfig({ responseModalities: undefined }) }, 400, "INVALID_ARGUMENT"],
    ["an odd ratio", { body: withConfig({ imageConfig: { aspectRatio: "7:5" } }) }, 400, "INVALID_ARGUMENT"],
    ["a seed of 32 bits", { body: withConfig({ seed: 4_294_967_295 }) }, 400, "INVALID_ARGUMENT"],
    ["a seed in text", { body: withConfig({ seed: "5" }) }, 400, "INVALID_ARGUMENT"],
    ["a missing second picture", { body: withParts({ text: "picture 2" }, part(PERSON)) }, 400, "INVALID_ARGUMENT"],
    ["no picture at all", { body: withParts({ text: "Draw." }) }, 400, "INVALID_ARGUMENT"],
    ["another type of picture", { body: withParts({ text: "x" }, part(PERSON, "image/gif")) }, 400, "INVALID_ARGUMENT"],
    [
      "a wrong type of picture",
      { body: withParts({ text: "x" }, part(PERSON, "image/jpeg")) },
      400,
      "INVALID_ARGUMENT",
    ],
    [
      "bad base64",
      { body: withParts({ text: "x" }, { inlineData: { mimeType: "image/png", data: "%%%%" } }) },
      400,
      "INVALID_ARGUMENT",
    ],
  ])("is refused: %s", async (_, changes, code, status) => {
    fake.script("unavailable");
    const response = await send(changes);
    expect(response.status).toBe(code);
    expect(await response.json()).toMatchObject({ error: { code, status, message: expect.any(String) } });
  });

  it("is refused when it comes to drawing: a picture that can't be decoded", async () => {
    const response = await send({ body: withParts({ text: "x" }, part(truncated(PERSON))) });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { message: "Unable to process input image." } });
  });

  it("is told with its answer to who listens", async () => {
    const refusals: unknown[] = [];
    const heard = await startGeminiFake({ onCall: (call, refusal) => refusals.push(call ?? refusal) });
    await send({ headers: { "x-goog-api-key": "x" } }, heard);
    await heard.close();
    expect(refusals).toEqual([
      { status: 400, headers: expect.anything(), body: expect.stringContaining("API key not valid") },
    ]);
  });

  it("uses up no script and is no call", async () => {
    fake.script("unavailable");
    await send({ headers: { "x-goog-api-key": "x" } });
    expect(fake.calls).toEqual([]);
    expect(fake.counts()).toMatchObject({ requests: 1, refused: 1 });
    expect((await send()).status).toBe(503);
  });
});

describe("the result", () => {
  it("is made of each of the pictures", async () => {
    const swapped = withParts({ text: "picture 2" }, part(GARMENT), part(PERSON));
    const twice = withParts({ text: "picture 2" }, part(PERSON), part(PERSON));
    const pixels = [await pixelOf(await send()), await pixelOf(await send({ body: swapped }))];
    expect([...pixels, await pixelOf(await send({ body: twice }))]).toEqual([150, 100, 250]);
  });

  it("is tinted by the seed where there is one picture, and never as it was sent", async () => {
    const pixels = [];
    for (const seed of [0, 1, 2, 3]) {
      const body = { ...withParts({ text: "x" }, part(PERSON)), generationConfig: { ...good.generationConfig, seed } };
      pixels.push(await pixelOf(await send({ body })));
    }
    expect(new Set(pixels).size).toBe(4);
    expect(pixels).not.toContain(250);
  });

  it("has the ratio that was asked for", async () => {
    const response = await send({ body: withConfig({ imageConfig: { aspectRatio: "16:9" } }) });
    const { candidates } = (await response.json()) as Answer;
    const data = candidates[0]?.content.parts[1]?.inlineData?.data as string;
    const { width, height } = await codec.decode(Buffer.from(data, "base64"), "image/png");
    expect([width, height]).toEqual([64, 36]);
  });

  it("comes without words where only a picture was asked for", async () => {
    const { candidates } = (await (
      await send({ body: withConfig({ responseModalities: ["IMAGE"] }) })
    ).json()) as Answer;
    expect(candidates[0]?.content.parts).toHaveLength(1);
  });
});

describe("over HTTP", () => {
  it("is told what to answer, tells what it got, and forgets", async () => {
    expect((await control("script", ["unavailable", { status: 418, body: "teapot" }])).status).toBe(200);
    expect([(await send()).status, (await send()).status, (await send()).status]).toEqual([503, 418, 200]);
    const told = await (await control("calls")).json();
    expect(told).toMatchObject({
      calls: [
        { script: "unavailable" },
        { script: "HTTP 418" },
        { script: "ok", pictures: [{ mime: "image/png" }, {}] },
      ],
      counts: { requests: 3, refused: 0 },
    });
    expect(JSON.stringify(told)).not.toContain(part(PERSON).inlineData.data);
    const { calls } = (await (await control("calls?pictures")).json()) as { calls: { data: string[] }[] };
    expect(calls[2]?.data).toEqual([PERSON, GARMENT].map((bytes) => Buffer.from(bytes).toString("base64")));
    await control("reset", {});
    expect(await (await control("calls")).json()).toMatchObject({ calls: [], counts: { requests: 0 } });
  });

  it("keeps the scripts and calls of models apart", async () => {
    const other = "/v1beta/models/gemini-3-pro-image:generateContent";
    await control("script?model=gemini-3-pro-image", ["internal"]);
    expect([(await send()).status, (await send({ path: other })).status]).toEqual([200, 500]);
    const { calls } = (await (await control("calls?model=gemini-3-pro-image")).json()) as { calls: unknown[] };
    expect(calls).toMatchObject([{ model: "gemini-3-pro-image", script: "internal" }]);
  });

  it.each([
    ["script", ["nope"]],
    ["script", "ok"],
    ["script", [{}]],
    ["chaos", { nope: 0.1 }],
    ["chaos", { hang: 2 }],
    ["chaos", { hang: 0.6, empty: 0.6 }],
  ])("refuses %s %j, saying what there is", async (path, body) => {
    const response = await control(path, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: expect.stringMatching(/./) });
  });

  it("has an answer under each of its names", () => {
    for (const name of SCRIPT_NAMES) expect(() => fake.script(name)).not.toThrow();
    expect(SCRIPT_NAMES).toEqual(expect.arrayContaining(["ok", "hang", "bomb", "words-only", "quota-day", "cut"]));
  });
});

describe("chance", () => {
  async function outcomes(seed: number): Promise<{ statuses: number[]; chaos: GeminiFake }> {
    const chaos = await startGeminiFake({ resultSidePx: 64, seed, chaos: { unavailable: 0.3, blocked: 0.1 } });
    const statuses: number[] = [];
    for (let i = 0; i < 100; i++) {
      const response = await send({}, chaos);
      await response.text();
      statuses.push(response.status);
    }
    await chaos.close();
    return { statuses, chaos };
  }

  it("fails about as often as it is told to, counts it, and does the same for the same seed", async () => {
    const { statuses, chaos } = await outcomes(3);
    const { unavailable, blocked } = chaos.counts().chaos;
    expect(statuses.filter((status) => status === 503)).toHaveLength(unavailable);
    expect(unavailable).toBeGreaterThan(15);
    expect(unavailable).toBeLessThan(45);
    expect(blocked).toBeGreaterThan(1);
    expect(chaos.calls.filter(({ script }) => script === "finish:IMAGE_SAFETY")).toHaveLength(blocked);
    expect((await outcomes(3)).statuses).toEqual(statuses);
    expect((await outcomes(4)).statuses).not.toEqual(statuses);
  });

  it("can be changed while it runs, and comes after scripts", async () => {
    await control("chaos", { unavailable: 1 });
    fake.script("ok");
    expect([(await send()).status, (await send()).status]).toEqual([200, 503]);
    await control("chaos", {});
    expect((await send()).status).toBe(200);
  });
});

it("answers only after its latency, and gives up when the caller does", async () => {
  const slow = await startGeminiFake({ latencyMs: 80, resultSidePx: 64 });
  const startedAt = performance.now();
  expect((await send({}, slow)).status).toBe(200);
  expect(performance.now() - startedAt).toBeGreaterThan(75);
  const controller = new AbortController();
  const left = fetch(`${slow.url}/v1beta/models/gemini-3.1-flash-image:generateContent`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "x-goog-api-key": slow.apiKey,
      "x-goog-api-client": "genai-js/1.0.0",
    },
    body: JSON.stringify(good),
    signal: controller.signal,
  }).catch(() => "left");
  await expect.poll(() => slow.calls.length).toBe(2);
  controller.abort();
  expect(await left).toBe("left");
  await expect.poll(() => slow.counts().abandoned).toBe(1);
  await slow.close();
});

it("keeps the pictures of its latest calls only", async () => {
  for (let i = 0; i < 22; i++) await (await send()).text();
  expect(fake.calls.map(({ data }) => data.length)).toEqual([0, 0, ...Array.from({ length: 20 }, () => 2)]);
});

it("takes JPEG and answers in JPEG where it is made to", async () => {
  const jpeg = await startGeminiFake({ resultSidePx: 64, resultMime: "image/jpeg" });
  const body = withParts({ text: "x" }, part(QUADRANT_JPEG, "image/jpeg"));
  const { candidates } = (await (await send({ body }, jpeg)).json()) as Answer;
  expect(candidates[0]?.content.parts[1]?.inlineData).toMatchObject({
    mimeType: "image/jpeg",
    data: expect.stringMatching(/^\/9j\//),
  });
  await jpeg.close();
});
