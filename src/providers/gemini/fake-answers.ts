import { pngBomb, pngOf } from "../../../test/support/pictures.ts";
import { jsonAnswer, type WireResponse } from "../http-fake.ts";
import type { ReceivedRequest } from "./fake-request.ts";

/** Google counts a picture of 1K so, and the words and thoughts around it about so. */
const IMAGE_TOKENS = 1_120;
const OTHER_TOKENS = 90;
const PROMPT_PICTURE_TOKENS = 258;

export interface Picture {
  readonly mimeType: string;
  /** Base64. */
  readonly data: string;
}

type Json = Readonly<Record<string, unknown>>;

function promptTokens({ prompt, pictures }: ReceivedRequest): readonly [text: number, image: number] {
  return [Math.ceil(prompt.length / 4), pictures.length * PROMPT_PICTURE_TOKENS];
}

/** What a call used; `hasPicture` when a picture was made, whether or not it was given out. */
export function usageMetadata(request: ReceivedRequest, hasPicture: boolean): Json {
  const [text, image] = promptTokens(request);
  const candidates = OTHER_TOKENS + (hasPicture ? IMAGE_TOKENS : 0);
  return {
    promptTokenCount: text + image,
    candidatesTokenCount: candidates,
    totalTokenCount: text + image + candidates,
    promptTokensDetails: [
      { modality: "TEXT", tokenCount: text },
      { modality: "IMAGE", tokenCount: image },
    ],
    ...(hasPicture && { candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: IMAGE_TOKENS }] }),
  };
}

function envelope(request: ReceivedRequest, hasPicture: boolean, fields: Json): Json {
  return {
    ...fields,
    usageMetadata: usageMetadata(request, hasPicture),
    modelVersion: request.model,
    responseId: "fake-response",
  };
}

export function candidate(parts: readonly Json[], finishReason = "STOP", finishMessage?: string): Json {
  return { content: { role: "model", parts }, finishReason, ...(finishMessage && { finishMessage }), index: 0 };
}

export function picturePart(picture: Picture): Json {
  return { inlineData: picture, thoughtSignature: "c2lnbmF0dXJl" };
}

/** An answer of parts as they are, which had a picture made. */
export function answerOf(request: ReceivedRequest, parts: readonly Json[], finishReason = "STOP"): Json {
  return envelope(request, true, { candidates: [candidate(parts, finishReason)] });
}

/** The usual answer: a sentence, unless only pictures were wanted, and the picture. */
export function success(request: ReceivedRequest, picture: Picture): Json {
  const wantsText = (request.generationConfig.responseModalities as string[]).includes("TEXT");
  const words = wantsText ? [{ text: "Here is the edited picture." }] : [];
  return answerOf(request, [...words, picturePart(picture)]);
}

/** A 200 that holds no picture, by the finish reason. */
export function finished(request: ReceivedRequest, reason: string, message?: string): Json {
  const bare = { finishReason: reason, ...(message && { finishMessage: message }), index: 0 };
  return envelope(request, false, { candidates: [bare] });
}

/** A 200 for a prompt that was refused. */
export function promptBlocked(request: ReceivedRequest, blockReason: string): Json {
  return envelope(request, false, { promptFeedback: { blockReason } });
}

/** Other 200s that hold no picture. */
export const EMPTY_ANSWERS: Readonly<Record<string, (request: ReceivedRequest) => Json>> = {
  "words-only": (request) => envelope(request, false, { candidates: [candidate([{ text: "I can't draw that." }])] }),
  "no-candidates": (request) => envelope(request, false, { candidates: [] }),
  nothing: () => ({}),
  "null-parts": (request) =>
    envelope(request, false, {
      candidates: [{ content: { role: "model", parts: null }, finishReason: "STOP", index: 0 }],
    }),
  "empty-content": (request) =>
    envelope(request, false, { candidates: [{ content: {}, finishReason: "STOP", index: 0 }] }),
  "no-content": (request) => envelope(request, false, { candidates: [{ finishReason: "STOP", index: 0 }] }),
  "thoughts-only": (request) =>
    envelope(request, false, { candidates: [candidate([{ text: "Let me think.", thought: true }])] }),
};

function pngData(bytes: Uint8Array): Picture {
  return { mimeType: "image/png", data: Buffer.from(bytes).toString("base64") };
}

/** Pictures that are none, or of no use. */
export const BAD_PICTURES: Readonly<Record<string, (good: Picture) => Picture>> = {
  "corrupt-base64": ({ mimeType, data }) => ({ mimeType, data: `${data.slice(0, 400)}%%%${data.slice(400)}` }),
  "not-a-picture": ({ mimeType }) => ({ mimeType, data: Buffer.from("<svg/>".repeat(99)).toString("base64") }),
  "cut-picture": ({ mimeType, data }) => ({ mimeType, data: data.slice(0, Math.floor(data.length / 8) * 4) }),
  tiny: () => pngData(pngOf(1, 1)),
  bomb: () => pngData(pngBomb()),
  oversized: ({ mimeType, data }) => ({ mimeType, data: data.padEnd(33 * 1024 * 1024, "A") }),
};

/** A draft before the result, plainly another picture. */
export const DRAFT: Picture = pngData(pngOf(96, 96, () => [200, 0, 200]));

export function json(body: unknown): WireResponse {
  return jsonAnswer(200, body, { "Server-Timing": "gfet4t7; dur=12000" });
}
