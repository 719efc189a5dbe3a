import { describe, expect, it } from "vitest";
import {
  ALPHA_WEBP,
  animatedPng,
  jpegWithTrailer,
  PROGRESSIVE_JPEG,
  pngBomb,
  pngOf,
  QUADRANT_JPEG,
  svg,
  truncated,
} from "../../../test/support/pictures.ts";
import { toBase64 } from "../image-models/base64.ts";
import { parseResponse } from "./parse-response.ts";

const PNG = pngOf(96, 64);
const picture = (bytes: Uint8Array = PNG, mimeType = "image/png") => ({
  inlineData: { mimeType, data: toBase64(bytes) },
});
const answer = (parts: unknown, finishReason: unknown = "STOP", more: object = {}) => ({
  candidates: [{ content: { role: "model", parts }, finishReason, index: 0 }],
  ...more,
});
const failure = (response: unknown) => {
  const parsed = parseResponse(response);
  return parsed.ok ? "a picture" : parsed.failure;
};

describe("a picture", () => {
  it.each([
    ["alone", [picture()]],
    ["after words", [{ text: "Here is" }, picture()]],
    ["before words", [picture(), { text: "There it was" }]],
    ["after drafts", [picture(QUADRANT_JPEG), picture(PROGRESSIVE_JPEG), picture()]],
    ["before a thought", [picture(), { ...picture(QUADRANT_JPEG), thought: true }]],
    ["before a sound", [picture(), { inlineData: { mimeType: "audio/wav", data: "UklGRg==" } }]],
    ["among parts that are nothing", [null, 7, "x", [], {}, { inlineData: null }, { inlineData: {} }, picture()]],
    ["in snake case", [{ inline_data: { mime_type: "image/png", data: toBase64(PNG) } }]],
    ["without a declared type", [{ inlineData: { data: toBase64(PNG) } }]],
    ["in the URL's alphabet", [{ inlineData: { data: toBase64(PNG).replaceAll("+", "-").replaceAll("/", "_") } }]],
    ["in lines", [{ inlineData: { data: toBase64(PNG).replace(/.{76}/g, "$&\r\n") } }]],
  ])("is found %s", (_, parts) => {
    expect(parseResponse(answer(parts))).toMatchObject({ ok: true, bytes: PNG, mime: "image/png" });
  });

  it.each([
    ["image/jpeg", QUADRANT_JPEG],
    ["image/png", PNG],
    ["image/webp", ALPHA_WEBP],
  ])("is %s by its bytes, whatever it is declared as", (mime, bytes) => {
    for (const declared of ["image/png", "image/jpeg", "application/octet-stream", "image/svg+xml", ""]) {
      expect(parseResponse(answer([picture(bytes, declared)]))).toMatchObject({ ok: true, mime, bytes });
    }
  });

  it.each(["STOP", "MAX_TOKENS", "FINISH_REASON_UNSPECIFIED", undefined, null])("is taken with %j", (reason) => {
    expect(failure(answer([picture()], reason ?? undefined))).toBe("a picture");
  });

  it.each([
    ["gemini-3.1-flash-image", "gemini-3.1-flash-image"],
    ["a b\nc", null],
    [7, null],
    [undefined, null],
  ])("names the version that made it: %j", (modelVersion, expected) => {
    expect(parseResponse(answer([picture()], "STOP", { modelVersion }))).toMatchObject({ modelVersion: expected });
  });
});

const BLOCKED = [
  "SAFETY",
  "IMAGE_SAFETY",
  "PROHIBITED_CONTENT",
  "IMAGE_PROHIBITED_CONTENT",
  "RECITATION",
  "IMAGE_RECITATION",
  "SPII",
  "BLOCKLIST",
  "VIDEO_SAFETY",
];
const NO_IMAGE = ["NO_IMAGE", "IMAGE_OTHER", "OTHER", "LANGUAGE", "MALFORMED_FUNCTION_CALL", "SOMETHING_NEW", 42];

describe("a refusal", () => {
  const shapes: readonly [string, (reason: unknown) => unknown][] = [
    ["alone", (finishReason) => ({ candidates: [{ finishReason, index: 0 }] })],
    ["with a message", (finishReason) => ({ candidates: [{ finishReason, finishMessage: "Unable to show it." }] })],
    ["with empty content", (finishReason) => ({ candidates: [{ finishReason, content: {} }] })],
    ["with null parts", (finishReason) => ({ candidates: [{ finishReason, content: { parts: null } }] })],
    ["with words", (finishReason) => answer([{ text: "I can't" }], finishReason)],
    ["with a picture", (finishReason) => answer([picture()], finishReason)],
    ["in snake case", (finish_reason) => ({ candidates: [{ finish_reason, content: { parts: [picture()] } }] })],
    [
      "beside a candidate that has a picture",
      (finishReason) => ({ candidates: [...answer([picture()]).candidates, { finishReason }] }),
    ],
  ];
  const cases = (reasons: readonly unknown[]) =>
    reasons.flatMap((reason) => shapes.map(([shape, make]) => [reason, shape, make] as const));

  it.each(cases(BLOCKED))("%s %s is blocked", (reason, _, make) => {
    expect(failure(make(reason))).toBe("blocked");
  });

  it.each(cases(NO_IMAGE))("%s %s is no picture", (reason, _, make) => {
    expect(failure(make(reason))).toBe("no_image");
  });

  it.each(["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "SOMETHING_NEW", 3, {}])(
    "of the prompt is blocked, with %j as its reason",
    (blockReason) => {
      expect(failure({ promptFeedback: { blockReason } })).toBe("blocked");
      expect(failure({ promptFeedback: { blockReason }, candidates: [] })).toBe("blocked");
      expect(failure(answer([picture()], "STOP", { promptFeedback: { blockReason } }))).toBe("blocked");
      expect(failure({ prompt_feedback: { block_reason: blockReason } })).toBe("blocked");
    },
  );

  it("names Google's reason and keeps its sentence apart", () => {
    const refused = { candidates: [{ finishReason: "IMAGE_SAFETY", finishMessage: "Unable to show it." }] };
    expect(parseResponse(refused)).toMatchObject({ what: "finishReason IMAGE_SAFETY", detail: "Unable to show it." });
  });
});

describe("an answer without a picture is never a success", () => {
  it.each([
    ["nothing", {}],
    ["null", null],
    ["a list", [answer([picture()])]],
    ["a word", "STOP"],
    ["no candidates", { candidates: [] }],
    ["candidates that are none", { candidates: [null, "x", 3] }],
    ["candidates of another type", { candidates: answer([picture()]).candidates[0] }],
    ["an error under 200", { error: { code: 500, message: "Internal" } }],
    ["empty content", { candidates: [{ content: {}, finishReason: "STOP" }] }],
    ["content of another type", { candidates: [{ content: "x", finishReason: "STOP" }] }],
    ["null parts", answer(null)],
    ["no parts", answer([])],
    ["parts of another type", answer("x")],
    ["words only", answer([{ text: "I would rather not" }])],
    ["a thought only", answer([{ ...picture(), thought: true }])],
    ["a file elsewhere", answer([{ fileData: { fileUri: "https://example.com/x.png" } }])],
    ["empty data", answer([{ inlineData: { mimeType: "image/png", data: "" } }])],
    ["data of another type", answer([{ inlineData: { mimeType: "image/png", data: 5 } }])],
    ["MAX_TOKENS with words", answer([{ text: "Here i" }], "MAX_TOKENS")],
    ["corrupt base64", answer([{ inlineData: { data: `${toBase64(PNG)}%%` } }])],
    ["a drawing", answer([picture(svg)])],
    ["a web page", answer([picture(new TextEncoder().encode("<!doctype html>"))])],
    ["a cut picture", answer([picture(truncated(PNG))])],
    ["a cut JPEG", answer([picture(truncated(QUADRANT_JPEG))])],
    ["a film", answer([picture(animatedPng())])],
    ["a picture and something hidden", answer([picture(jpegWithTrailer(QUADRANT_JPEG, "PK\x03\x04"))])],
    ["1 × 1", answer([picture(pngOf(1, 1))])],
    ["a bomb", answer([picture(pngBomb())])],
    ["a good draft and a bad result", answer([picture(), picture(svg)])],
    ["more than fits", answer([{ inlineData: { data: "A".repeat(33 * 1024 * 1024) } }])],
  ])("%s", (_, response) => {
    expect(failure(response)).toBe("no_image");
  });
});
