import type { ImageCodec, ImageMime, Raster } from "../../ports/image-codec.ts";
import { toBase64 } from "../image-models/base64.ts";
import type { MultipartInputs, RunOptions, WorkersAiBinding } from "./binding.ts";
import { type ReceivedForm, Refusal, readForm } from "./fake-form.ts";

export interface FakeCall {
  readonly model: string;
  readonly form: ReceivedForm;
  readonly options: RunOptions;
}

/**
 * What the next call meets. `error`: a refusal of Workers AI; `api`: one of the API before it, in its other form;
 * `body`: an error whose body is not the JSON the binding expects. `hang` heeds the signal, `deaf` doesn't. `answer`:
 * the JSON of an answer; `stream`: an answer that is not declared as JSON.
 */
export type Scripted =
  | "hang"
  | "deaf"
  | { readonly error: readonly [code: number, description: string, name?: string] }
  | { readonly api: readonly [code: number, message: string] }
  | { readonly body: string }
  | { readonly throws: Error }
  | { readonly answer: unknown }
  | { readonly stream: Uint8Array<ArrayBuffer> };

export interface WorkersAiFake {
  readonly binding: WorkersAiBinding;
  /** The calls that were well formed. */
  readonly calls: readonly FakeCall[];
  /** Every call, refused ones too. */
  attempts(): number;
  /** What the next calls meet, one each, once their form is accepted. */
  script(...next: Scripted[]): void;
}

export interface WorkersAiFakeOptions {
  readonly codec: ImageCodec;
  readonly models?: readonly string[];
  /** Of the pictures it makes. */
  readonly mime?: ImageMime;
}

/** As the binding makes it: the name comes with the error. */
function thrown(message: string, name = "InferenceUpstreamError"): Error {
  const error = new Error(message);
  error.name = name;
  return error;
}

function never(signal?: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
}

function meanOf({ data }: Raster): readonly [number, number, number] {
  const sums: [number, number, number] = [0, 0, 0];
  for (let at = 0; at < data.length; at += 4) {
    for (const channel of [0, 1, 2] as const) sums[channel] += data[at + channel] as number;
  }
  const pixels = data.length / 4;
  return [sums[0] / pixels, sums[1] / pixels, sums[2] / pixels];
}

/** The first picture in the size asked for, half way to the mean colour of the last one: both can be told from it. */
async function transformed(codec: ImageCodec, form: ReceivedForm): Promise<Raster> {
  const [first, last] = [form.pictures[0], form.pictures.at(-1)];
  const { width, height } = form;
  if (!first || !last) return { width, height, data: new Uint8ClampedArray(width * height * 4).fill(128) };
  const picture = await codec.resize(await codec.decode(first.bytes, first.mime), width, height);
  const tint = meanOf(await codec.decode(last.bytes, last.mime));
  const data = new Uint8ClampedArray(picture.data);
  for (let at = 0; at < data.length; at += 4) {
    for (const channel of [0, 1, 2] as const) {
      data[at + channel] = ((data[at + channel] as number) + tint[channel]) / 2;
    }
  }
  return { width, height, data };
}

async function meet(next: Scripted, signal: AbortSignal): Promise<unknown> {
  if (next === "deaf") return never();
  if (next === "hang") return never(signal);
  if ("answer" in next) return next.answer;
  if ("stream" in next) return new Response(next.stream).body;
  if ("body" in next) throw thrown(next.body);
  if ("throws" in next) throw next.throws;
  if ("api" in next) throw thrown(`${next.api[0]}: ${next.api[1]}`);
  const [code, description, name = "AiError"] = next.error;
  throw thrown(`${code}: ${description}`, name);
}

/**
 * The AI binding without an account: it checks what it gets as FLUX.2 klein is documented to, refuses as the binding
 * does, and answers with a picture made of those it was sent. For tests and local work; no Worker imports it.
 */
export function createWorkersAiFake(options: WorkersAiFakeOptions): WorkersAiFake {
  const { codec, models = ["@cf/black-forest-labs/flux-2-klein-9b"], mime = "image/jpeg" } = options;
  const calls: FakeCall[] = [];
  const scripted: Scripted[] = [];
  let attempts = 0;

  async function run(model: string, inputs: MultipartInputs, runOptions: RunOptions): Promise<unknown> {
    attempts += 1;
    runOptions.signal.throwIfAborted();
    // The binding itself refuses these two, before anything is sent.
    if (runOptions.gateway?.id) throw thrown("AI Gateway does not support ReadableStreams yet.", "AiInternalError");
    if (!inputs.multipart.contentType) {
      throw thrown("Content-Type is required with ReadableStream inputs", "AiInternalError");
    }
    if (!models.includes(model)) throw new Refusal(5007, `No such model ${model} or task`);
    const form = await readForm(inputs);
    calls.push({ model, form, options: runOptions });
    const next = scripted.shift();
    if (next !== undefined) return meet(next, runOptions.signal);
    return { image: toBase64(await codec.encode(await transformed(codec, form), mime)) };
  }

  return {
    binding: { run },
    calls,
    attempts: () => attempts,
    script: (...next) => void scripted.push(...next),
  };
}
