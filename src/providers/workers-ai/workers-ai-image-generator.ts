import type { WorkersAiConfig } from "../../kernel/config.ts";
import { unlessAborted } from "../../kernel/unless-aborted.ts";
import { ImageCodecError } from "../../ports/image-codec.ts";
import {
  type GeneratedImage,
  type GenerateRequest,
  GenerationError,
  type GenerationUsage,
  type ImageGenerator,
  type SourceImage,
} from "../../ports/image-generator.ts";
import { cleanWish } from "../image-models/quote-wish.ts";
import type { WorkersAiBinding } from "./binding.ts";
import { toGenerationError } from "./classify-error.ts";
import { type ParsedAnswer, parseAnswer } from "./parse-answer.ts";
import { MAX_INPUT_SIDE, picturesOf, toInputs, toOptions, withShortWish } from "./request.ts";

export interface WorkersAiDeps {
  readonly binding: WorkersAiBinding;
  readonly config: WorkersAiConfig;
  /** The words for a request; its pictures are numbered from 1, the person's first. */
  readonly prompt: (request: GenerateRequest) => string;
  /** The picture with no side longer than `maxSide` px; a transparent one on white. */
  readonly fitInto: (image: SourceImage, maxSide: number) => Promise<SourceImage>;
  readonly now?: () => number;
}

function outOfTime(model: string): GenerationError {
  return new GenerationError("timeout", `Workers AI ${model}: no answer in time`);
}

async function fitPictures({ fitInto, config }: WorkersAiDeps, request: GenerateRequest): Promise<SourceImage[]> {
  const fitted: SourceImage[] = [];
  try {
    for (const picture of picturesOf(request)) fitted.push(await fitInto(picture, MAX_INPUT_SIDE));
  } catch (error) {
    if (!(error instanceof ImageCodecError)) throw error;
    throw new GenerationError("invalid_input", `Workers AI ${config.model}: a source can't be decoded`);
  }
  return fitted;
}

/** What an error may repeat and nobody may read: the words as they were written, cleaned, and cleaned as they were sent. */
function secretsOf(request: GenerateRequest): (string | null)[] {
  const { prompt } = request;
  return [prompt, cleanWish(prompt), cleanWish(withShortWish(request).prompt)];
}

/** @throws what the binding throws. */
async function ask(
  { binding, config, prompt }: WorkersAiDeps,
  request: GenerateRequest,
  pictures: readonly SourceImage[],
  signal: AbortSignal,
): Promise<ParsedAnswer> {
  const inputs = toInputs(request, prompt(withShortWish(request)), pictures);
  return parseAnswer(await binding.run(config.model, inputs, toOptions(config, signal)));
}

/**
 * Cloudflare's hosted FLUX.2 models through the AI binding.
 *
 * One request, one call: nothing is tried again here. Sources are made smaller than 512 × 512 px, which is what the
 * models take; the result has the aspect ratio of the person's picture and about one megapixel. A success costs what
 * the configuration says; there are no tokens. Every failure is one of the eight classes. Models that take no form,
 * and answers that are not `{ image: <base64> }` or a picture's bytes, are not supported.
 */
export function createWorkersAiGenerator(deps: WorkersAiDeps): ImageGenerator {
  const { config, now = Date.now } = deps;
  const { model } = config;
  const usage: GenerationUsage = { promptTokens: 0, outputTokens: 0, costMicros: config.priceMicros };

  function toImage(answer: ParsedAnswer, request: GenerateRequest): GeneratedImage {
    if (answer.kind === "picture") return { bytes: answer.bytes, mime: answer.mime, model, degraded: false, usage };
    if (answer.kind === "nothing")
      throw new GenerationError("no_image", `Workers AI ${model}: ${answer.what}`, { usage });
    const context = { model, aborted: false, secrets: secretsOf(request), now: now() };
    throw toGenerationError(new Error(answer.message), context);
  }

  return {
    id: "workers-ai",
    outside: true,
    modelFor: () => model,
    expectedCostMicros: () => config.priceMicros,
    async generate(request, { signal }) {
      const pictures = await fitPictures(deps, request);
      if (signal.aborted) throw outOfTime(model);
      try {
        // Not every version of the binding heeds a signal.
        const answer = await unlessAborted(ask(deps, request, pictures, signal), signal);
        return toImage(answer, request);
      } catch (error) {
        if (error instanceof GenerationError) throw error;
        const context = { model, aborted: signal.aborted, secrets: secretsOf(request), now: now() };
        throw toGenerationError(error, context);
      }
    },
  };
}
