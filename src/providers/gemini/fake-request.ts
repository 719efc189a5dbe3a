import { createHash } from "node:crypto";
import type { ImageMime } from "../../ports/image-codec.ts";
import type { WireRequest, WireResponse } from "../http-fake.ts";
import { apiKeyInvalid, forbidden, googleError, invalidArgument, modelNotFound } from "./fake-errors.ts";

/** Google's limit of a request with pictures in it. */
const MAX_REQUEST_BYTES = 20 * 1024 * 1024;
const PATH = /^\/v1beta\/models\/([^/:?]+):generateContent$/;
const COMMON = ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"];
const LONG = ["1:4", "4:1", "1:8", "8:1"];
/** The first bytes of the types that Gemini takes, in Latin-1. */
const MAGIC: Readonly<Record<string, (head: string) => boolean>> = {
  "image/jpeg": (head) => head.startsWith("\xff\xd8\xff"),
  "image/png": (head) => head.startsWith("\x89PNG\r\n\x1a\n"),
  "image/webp": (head) => head.startsWith("RIFF") && head.startsWith("WEBP", 8),
};

export interface ReceivedPicture {
  readonly mime: ImageMime;
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

export interface ReceivedRequest {
  readonly model: string;
  /** All text parts, in order. */
  readonly prompt: string;
  readonly pictures: readonly ReceivedPicture[];
  readonly generationConfig: Readonly<Record<string, unknown>>;
  readonly safetySettings: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/** Thrown and caught within: the answer to a request that Google would not take. */
class Refused extends Error {
  readonly answer: WireResponse;
  constructor(answer: WireResponse) {
    super("refused");
    this.answer = answer;
  }
}

function refuse(answer: WireResponse): never {
  throw new Refused(answer);
}

function object(value: unknown, where: string, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    refuse(invalidArgument(`Invalid value at '${where}' (type.googleapis.com/google.protobuf.Message)`, where));
  }
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const message = `Invalid JSON payload received. Unknown name "${unknown}"${where && ` at '${where}'`}: Cannot find field.`;
    refuse(invalidArgument(message, where));
  }
  return value as Record<string, unknown>;
}

function checkHead({ method, path, headers, bodyBytes }: WireRequest, apiKey: string, models: readonly string[]) {
  const model = PATH.exec(path)?.[1];
  if (model === undefined || method !== "POST")
    refuse(googleError(404, "NOT_FOUND", "Requested entity was not found."));
  const key = headers["x-goog-api-key"];
  if (key === undefined || key === "") refuse(forbidden());
  if (key !== apiKey) refuse(apiKeyInvalid());
  if (!/^(.+ )?genai-js\/\d+\.\d+\.\d+$/.test(String(headers["x-goog-api-client"]))) {
    refuse(invalidArgument("x-goog-api-client does not name a client."));
  }
  if (!String(headers["content-type"]).startsWith("application/json")) {
    refuse(invalidArgument("Invalid content type: expected application/json."));
  }
  if (bodyBytes > MAX_REQUEST_BYTES) {
    refuse(invalidArgument(`Request payload size exceeds the limit: ${MAX_REQUEST_BYTES} bytes.`));
  }
  if (!models.includes(model)) refuse(modelNotFound(model));
  return model;
}

function parsePicture(value: unknown, where: string): ReceivedPicture {
  const { mimeType, data } = object(value, where, ["mimeType", "data"]);
  const bytes = Buffer.from(String(data), "base64");
  if (data === "" || bytes.toString("base64") !== data) {
    refuse(invalidArgument(`Invalid value at '${where}.data' (TYPE_BYTES), Base64 decoding failed`, `${where}.data`));
  }
  const magic = MAGIC[String(mimeType)];
  if (magic === undefined) refuse(invalidArgument(`Unsupported MIME type: ${mimeType}`));
  if (!magic(bytes.toString("latin1", 0, 16))) refuse(invalidArgument("Unable to process input image."));
  return { mime: mimeType as ImageMime, bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
}

function parseContents(value: unknown): Pick<ReceivedRequest, "prompt" | "pictures"> {
  if (!Array.isArray(value) || value.length === 0) {
    refuse(invalidArgument("* GenerateContentRequest.contents: contents is not specified\n"));
  }
  const texts: string[] = [];
  const pictures: ReceivedPicture[] = [];
  for (const [index, item] of value.entries()) {
    const where = `contents[${index}]`;
    const content = object(item, where, ["role", "parts"]);
    if (content.role !== "user") refuse(invalidArgument("Please use a valid role: user, model."));
    if (!Array.isArray(content.parts) || content.parts.length === 0) {
      refuse(invalidArgument(`* GenerateContentRequest.${where}.parts: contents.parts must not be empty.\n`));
    }
    for (const [at, part] of content.parts.entries()) {
      const { text, inlineData } = object(part, `${where}.parts[${at}]`, ["text", "inlineData"]);
      if (typeof text === "string" && inlineData === undefined) texts.push(text);
      else if (text === undefined) pictures.push(parsePicture(inlineData, `${where}.parts[${at}].inline_data`));
      else
        refuse(invalidArgument(`Invalid value at '${where}.parts[${at}]' (oneof), oneof field 'data' is already set.`));
    }
  }
  return { prompt: texts.join("\n"), pictures };
}

function checkGenerationConfig(value: unknown, model: string): Record<string, unknown> {
  const config = object(value ?? {}, "generation_config", ["responseModalities", "imageConfig", "seed"]);
  const { responseModalities: modalities, seed } = config;
  if (!Array.isArray(modalities) || !modalities.every((name) => name === "TEXT" || name === "IMAGE")) {
    refuse(invalidArgument("Invalid value at 'generation_config.response_modalities'"));
  }
  if (!modalities.includes("IMAGE")) refuse(invalidArgument("The requested response modalities have no IMAGE."));
  if (seed !== undefined && (!Number.isInteger(seed) || (seed as number) !== ((seed as number) | 0))) {
    refuse(
      invalidArgument(`Invalid value at 'generation_config.seed' (TYPE_INT32), ${seed}`, "generation_config.seed"),
    );
  }
  const image = object(config.imageConfig ?? {}, "generation_config.image_config", ["aspectRatio", "imageSize"]);
  const ratios = model.includes("gemini-3.1-") ? [...COMMON, ...LONG] : COMMON;
  if (image.aspectRatio !== undefined && !ratios.includes(String(image.aspectRatio))) {
    refuse(invalidArgument(`aspect_ratio must be one of ${ratios.map((ratio) => `'${ratio}'`).join(", ")}`));
  }
  return config;
}

function parseBody(body: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    refuse(invalidArgument("Invalid JSON payload received. Unexpected end of string."));
  }
  return object(value, "", ["contents", "generationConfig", "safetySettings"]);
}

/** How many pictures a prompt speaks of. */
function picturesTold(prompt: string): number {
  return Math.max(1, ...[...prompt.matchAll(/\bpicture (\d)\b/gi)].map((match) => Number(match[1])));
}

/**
 * The request, checked as the real API does it, and more: each picture the prompt speaks of must be there.
 * @returns Google's own error for a request that is not good.
 */
export function receiveRequest(
  request: WireRequest,
  { apiKey, models }: { readonly apiKey: string; readonly models: readonly string[] },
): { readonly ok: true; readonly received: ReceivedRequest } | { readonly ok: false; readonly answer: WireResponse } {
  try {
    const model = checkHead(request, apiKey, models);
    const body = parseBody(request.body);
    const { prompt, pictures } = parseContents(body.contents);
    const generationConfig = checkGenerationConfig(body.generationConfig, model);
    const told = picturesTold(prompt);
    if (pictures.length < told) {
      refuse(invalidArgument(`The prompt speaks of picture ${told}, and ${pictures.length} were sent.`));
    }
    const kept = Object.entries(request.headers).filter(([name]) => /^(x-goog-api-client|cf-aig-.*)$/.test(name));
    const headers = Object.fromEntries(kept) as Record<string, string>;
    const { safetySettings = null } = body;
    return { ok: true, received: { model, prompt, pictures, generationConfig, safetySettings, headers } };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, answer: error.answer };
    throw error;
  }
}
