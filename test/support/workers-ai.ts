import {
  type GenerateRequest,
  GenerationError,
  type ImageGenerator,
  type SourceImage,
} from "../../src/ports/image-generator.ts";
import { promptFor } from "../../src/providers/image-models/prompts.ts";
import { fitInto } from "../../src/providers/image-processing/fit-into.ts";
import {
  createWorkersAiFake,
  type Scripted,
  type WorkersAiFake,
  type WorkersAiFakeOptions,
} from "../../src/providers/workers-ai/fake.ts";
import {
  createWorkersAiGenerator,
  type WorkersAiDeps,
} from "../../src/providers/workers-ai/workers-ai-image-generator.ts";
import { createNodeCodec } from "./node-codec.ts";
import { pngOf } from "./pictures.ts";

export const codec = createNodeCodec();
export const MODEL = "@cf/black-forest-labs/flux-2-klein-9b";
export const CONFIG = { model: MODEL, gateway: null, priceMicros: 15_000 };
export const WISH = "evening light over the harbour";
/** 18:30:00 UTC. */
export const NOW = Date.UTC(2026, 10, 24, 18, 30);

function picture(width: number, height: number, rgb: readonly [number, number, number]): SourceImage {
  return { bytes: pngOf(width, height, () => rgb), mime: "image/png", width, height };
}

export const PERSON = picture(900, 600, [220, 20, 20]);
export const GARMENT = picture(300, 700, [20, 20, 220]);

/** A try-on of a red person and a blue garment. */
export function request(change: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    conversionId: "cnv_1",
    kind: "tryon",
    person: PERSON,
    garment: GARMENT,
    category: "tops",
    prompt: WISH,
    seed: 4_000_000_000,
    outputMime: "image/png",
    imageOnly: false,
    ...change,
  } as GenerateRequest;
}

/** The generator over the fake. */
export function setUp(
  change: Partial<WorkersAiDeps> = {},
  options: Partial<WorkersAiFakeOptions> = {},
): {
  readonly fake: WorkersAiFake;
  readonly generator: ImageGenerator;
  generate(wanted?: GenerateRequest, signal?: AbortSignal): ReturnType<ImageGenerator["generate"]>;
} {
  const fake = createWorkersAiFake({ codec, ...options });
  const generator = createWorkersAiGenerator({
    binding: fake.binding,
    config: CONFIG,
    prompt: promptFor,
    fitInto: (image, maxSide) => fitInto(codec, image, maxSide),
    now: () => NOW,
    ...change,
  });
  const generate = (wanted = request(), signal = new AbortController().signal) =>
    generator.generate(wanted, { signal });
  return { fake, generator, generate };
}

/** The failure that `work` must end in. */
export async function failureOf(work: Promise<unknown>): Promise<GenerationError> {
  const error = await work.then(
    () => new Error("generated"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof GenerationError)) throw error;
  return error;
}

/** What a call comes to that meets this. */
export async function scriptedFailure(...next: Scripted[]): Promise<GenerationError> {
  const { fake, generate } = setUp();
  fake.script(...next);
  return failureOf(generate());
}
