import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { byPreset, failureOf, generatorFor, MODELS, PROMPT, tryOn } from "../../../test/support/gemini.ts";
import type { GenerateRequest } from "../../ports/image-generator.ts";
import { type GeminiFake, startGeminiFake } from "./fake.ts";
import type { GeminiScript } from "./fake-scripts.ts";

const NOTHING_USED = { promptTokens: 0, outputTokens: 0, costMicros: 0 };

let fake: GeminiFake;

beforeAll(async () => {
  fake = await startGeminiFake({ resultSidePx: 256 });
});
afterAll(() => fake.close());
afterEach(() => fake.reset());

function generate(request: GenerateRequest = tryOn, signal: AbortSignal = new AbortController().signal) {
  return generatorFor(fake).generate(request, { signal });
}

function failure(work: Promise<unknown>) {
  return failureOf(fake, work);
}

function scripted(script: GeminiScript, request: GenerateRequest = tryOn) {
  fake.script(script);
  return failure(generate(request));
}

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
    const error = await scripted(script);
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
    const error = await scripted(script);
    expect(error).toMatchObject({ failure: "no_image", usage: { promptTokens: expect.any(Number) } });
  });

  it("an empty object is no picture, of unknown cost", async () => {
    expect(await scripted("nothing")).toMatchObject({ failure: "no_image", usage: null });
  });

  it("bills a refused picture as a picture", async () => {
    expect((await scripted("finish-with-picture:IMAGE_SAFETY", byPreset)).usage?.costMicros).toBeGreaterThan(
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
  ] as const)("%s is %s, to be tried again after %j ms, and cost nothing", async (script, expected, retryAfterMs) => {
    expect(await scripted(script)).toMatchObject({ failure: expected, retryAfterMs, usage: NOTHING_USED });
  });

  it("404 names the model that is not there", async () => {
    const gone = generatorFor(fake, { models: { ...MODELS, style: "gemini-1.0-image" } });
    const error = await failure(gone.generate(byPreset, { signal: new AbortController().signal }));
    expect(error).toMatchObject({ failure: "config" });
    expect(error.message).toMatch(/^Gemini gemini-1\.0-image: HTTP 404, model gemini-1\.0-image not found/);
  });

  it("a wrong key is configuration, not the user's fault", async () => {
    const call = generatorFor(fake, { apiKey: "another" }).generate(byPreset, { signal: new AbortController().signal });
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
    ["302 to nowhere", 302, undefined, "config"],
  ])("%s", async (_, status, error, expected) => {
    expect(await scripted(google(status, error))).toMatchObject({ failure: expected, usage: NOTHING_USED });
  });

  it.each([
    [400, "Billing poster of the 1920s", "invalid_input"],
    [429, "Your prepayment credits are depleted, in neon", "rate_limited"],
  ])("%d is not judged by the user's words, should Google begin with them", async (status, words, expected) => {
    fake.script(google(status, { message: `${words} can't be drawn.` }));
    const fullWidth = words.replace(/[a-z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0));
    const error = await failure(generate({ ...byPreset, prompt: fullWidth }));
    expect([error.failure, error.message]).toEqual([expected, expect.not.stringContaining(words)]);
  });

  it("a day's quota among others is a day's quota", async () => {
    const violations = ["GenerateRequestsPerMinute", "GenerateContentInputTokensPerDay-FreeTier"];
    const details = [
      {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        violations: violations.map((quotaId) => ({ quotaId })),
      },
    ];
    expect(await scripted(google(429, { message: "x", details }))).toMatchObject({ failure: "quota_day" });
  });

  it("repeats of Google's sentence neither the key nor the user's words", async () => {
    const message = `Can't do «${PROMPT}»\nwith fake-key at ${fake.url}/v1beta?key=fake-key`;
    const error = await scripted(google(400, { message }));
    expect(error.message).toContain("HTTP 400, refused: Can't do «…» with … at …");
  });
});

it("repeats the user's words not even as they were sent, after they were cleaned", async () => {
  const prompt = "ｐａｉｎｔ <her>  blue";
  fake.script({ status: 400, body: JSON.stringify({ error: { message: "Can't do paint her blue." } }) });
  const error = await failure(generate({ ...byPreset, prompt }));
  expect(error.message).toMatch(/: Can't do …\.$/);
});

describe("a broken connection", () => {
  it.each(["cut", "truncated-json", "html-200"])("%s is unavailable, and may have cost something", async (script) => {
    expect(await scripted(script)).toMatchObject({ failure: "unavailable", retryAfterMs: null, usage: null });
  });

  it("before an answer is unavailable, and has cost nothing if it comes too soon for any work", async () => {
    const soon = { failure: "unavailable", retryAfterMs: null, usage: NOTHING_USED };
    expect(await scripted("reset")).toMatchObject(soon);
    let nowMs = 0;
    const slow = generatorFor(fake, {}, () => {
      nowMs += 5_000;
      return nowMs;
    });
    fake.script("reset");
    const late = await failure(slow.generate(tryOn, { signal: new AbortController().signal }));
    expect(late).toMatchObject({ failure: "unavailable", usage: null });
  });

  it.each([301, 302, 307, 308])(
    "HTTP %d leads nowhere: key and photos go to the configured host alone",
    async (status) => {
      const thief = await startGeminiFake();
      try {
        const script = { status, headers: { Location: `${thief.url}/v1beta/models/x:generateContent` }, body: "" };
        expect(await scripted(script)).toMatchObject({ failure: "config", usage: NOTHING_USED });
        expect(thief.counts().requests).toBe(0);
      } finally {
        await thief.close();
      }
    },
  );

  it.each(["null", "[]", '"text"', "7", "", "{"])("the body %j never is a picture", async (body) => {
    expect(["unavailable", "no_image"]).toContain((await scripted({ status: 200, body })).failure);
  });

  it("nobody there is unavailable, and told from an answer that breaks off", async () => {
    const nowhere = await startGeminiFake();
    await nowhere.close();
    const call = generatorFor(fake, { baseUrl: nowhere.url }).generate(byPreset, {
      signal: new AbortController().signal,
    });
    const error = await failure(call);
    expect(error).toMatchObject({ failure: "unavailable" });
    expect(error.message).toMatch(
      /^Gemini gemini-3\.1-flash-image: no connection, or one that broke before an answer$/,
    );
    expect((await scripted("cut")).message).toMatch(/: no usable answer/);
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
