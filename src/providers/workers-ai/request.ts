import type { WorkersAiConfig } from "../../kernel/config.ts";
import type { GenerateRequest, SourceImage } from "../../ports/image-generator.ts";
import type { MultipartInputs, RunOptions } from "./binding.ts";

/**
 * "All input images must be smaller than 512x512"
 * (https://developers.cloudflare.com/changelog/2026-01-28-flux-2-klein-9b-workers-ai/).
 */
export const MAX_INPUT_SIDE = 511;

/** The same page: `width` and `height` are 256 to 1920. FLUX works in blocks of 16 px. */
const MIN_OUTPUT_SIDE = 256;
const MAX_OUTPUT_SIDE = 1920;
const BLOCK = 16;
/** What is over costs extra, by the megapixel (https://developers.cloudflare.com/workers-ai/platform/pricing/). */
const OUTPUT_PIXELS = 1024 * 1024;

/**
 * FLUX.2 klein reads 512 tokens and nothing behind them. A token has at least one byte; with so much for the user's
 * words, the rules that stand behind them are read too.
 */
const MAX_WISH_BYTES = 360;

/** About a megapixel in the aspect ratio of the picture, as far as the model goes. */
export function outputSize({ width, height }: { readonly width: number; readonly height: number }) {
  const scale = Math.sqrt(OUTPUT_PIXELS / (width * height));
  const side = (length: number) => {
    const blocks = Math.floor((length * scale) / BLOCK) * BLOCK;
    return Math.min(MAX_OUTPUT_SIDE, Math.max(MIN_OUTPUT_SIDE, blocks));
  };
  return { width: side(width), height: side(height) };
}

/** The pictures in the order in which the prompt numbers them: the person first. */
export function picturesOf(request: GenerateRequest): readonly SourceImage[] {
  if (request.kind === "tryon") return [request.person, request.garment];
  return "image" in request.style ? [request.person, request.style.image] : [request.person];
}

/** The request with as much of the user's words as the model reads. */
export function withShortWish(request: GenerateRequest): GenerateRequest {
  if (request.prompt === null) return request;
  let bytes = 0;
  let wish = "";
  for (const character of request.prompt) {
    bytes += new TextEncoder().encode(character).length;
    if (bytes > MAX_WISH_BYTES) break;
    wish += character;
  }
  return { ...request, prompt: wish };
}

/** The form of a request; `pictures` are those of {@link picturesOf}, small enough for the model. */
export function toInputs(request: GenerateRequest, prompt: string, pictures: readonly SourceImage[]): MultipartInputs {
  const { width, height } = outputSize(request.person);
  const form = new FormData();
  form.append("prompt", prompt);
  form.append("width", String(width));
  form.append("height", String(height));
  // Seeds are documented as integers without a range: 31 bits fit into whatever holds them.
  form.append("seed", String(request.seed & 0x7fff_ffff));
  for (const [index, { bytes, mime }] of pictures.entries()) {
    const name = `input_image_${index}`;
    form.append(name, new Blob([bytes as Uint8Array<ArrayBuffer>], { type: mime }), name);
  }
  // Only a serialized form has a boundary, and without the boundary in the content type no field is found in it.
  const serialized = new Response(form);
  const contentType = serialized.headers.get("Content-Type");
  if (serialized.body === null || contentType === null) throw new Error("a form was not serialized");
  return { multipart: { body: serialized.body, contentType } };
}

/** Personal photos stay out of a gateway's cache and log. */
export function toOptions({ gateway }: Pick<WorkersAiConfig, "gateway">, signal: AbortSignal): RunOptions {
  return gateway === null ? { signal } : { signal, gateway: { id: gateway, skipCache: true, collectLog: false } };
}
