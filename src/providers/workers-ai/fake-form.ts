import { inspectImage } from "../../modules/images/jobs.ts";
import { IMAGE_MIMES, type ImageMime } from "../../ports/image-codec.ts";
import type { MultipartInputs } from "./binding.ts";

export interface ReceivedPicture {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mime: ImageMime;
  readonly width: number;
  readonly height: number;
}

/** A form as the model reads it. */
export interface ReceivedForm {
  readonly prompt: string;
  readonly width: number;
  readonly height: number;
  readonly seed: number | null;
  readonly pictures: readonly ReceivedPicture[];
}

/** What Workers AI answers in place of a picture; see the list of its errors. */
export class Refusal extends Error {
  override readonly name = "AiError";

  constructor(code: number, description: string) {
    super(`${code}: ${description}`);
  }
}

const FIELDS = new Set(["prompt", "width", "height", "seed", "guidance"]);
const PICTURE = /^input_image_[0-3]$/;

function badInput(what: string): Refusal {
  return new Refusal(5006, `AiError: Bad input: ${what}`);
}

function integer(form: FormData, name: string, range: { min: number; max: number; usual: number | null }) {
  const value = form.get(name);
  if (value === null) return range.usual;
  if (typeof value !== "string" || !/^\d{1,12}$/.test(value)) throw badInput(`'/${name}' must be integer`);
  const number = Number(value);
  if (number < range.min || number > range.max) throw badInput(`'/${name}' must be ${range.min} to ${range.max}`);
  return number;
}

async function pictureAt(form: FormData, name: string): Promise<ReceivedPicture> {
  const file = form.get(name);
  if (file === null || typeof file === "string") throw badInput(`'/${name}' must be a binary image`);
  const bytes = new Uint8Array(await (file as Blob).arrayBuffer());
  const found = inspectImage(bytes);
  if (!found.ok) throw new Refusal(3030, `AiError: AiError: Model input is not valid: ${name} can't be read`);
  const { mime, width, height } = found;
  if (width >= 512 || height >= 512) throw badInput(`'/${name}' must be smaller than 512x512`);
  if (!IMAGE_MIMES.some((known) => known === (file as Blob).type)) throw badInput(`'/${name}' has no type of an image`);
  return { bytes, mime, width, height };
}

async function picturesOf(form: FormData): Promise<ReceivedPicture[]> {
  const names = [...form.keys()].filter((name) => PICTURE.test(name)).sort();
  const gap = names.findIndex((name, index) => name !== `input_image_${index}`);
  if (gap >= 0) throw badInput(`'/input_image_${gap}' is missing or given twice`);
  const pictures: ReceivedPicture[] = [];
  for (const name of names) pictures.push(await pictureAt(form, name));
  return pictures;
}

async function parseForm({ multipart: { body, contentType } }: MultipartInputs): Promise<FormData> {
  if (!/^multipart\/form-data;.*boundary=/.test(contentType)) {
    throw new Refusal(3003, "Request is missing headers or body: boundary");
  }
  try {
    return await new Response(body, { headers: { "Content-Type": contentType } }).formData();
  } catch {
    throw new Refusal(3003, "Request is missing headers or body: multipart");
  }
}

/** Checks a form as FLUX.2 klein's documentation describes it. @throws {Refusal} */
export async function readForm(inputs: MultipartInputs): Promise<ReceivedForm> {
  const form = await parseForm(inputs);
  const unknown = [...form.keys()].find((name) => !FIELDS.has(name) && !PICTURE.test(name));
  if (unknown !== undefined) throw badInput(`'/${unknown}' is not a parameter of this model`);
  const prompt = form.get("prompt");
  if (typeof prompt !== "string" || prompt === "") throw badInput("required properties at '/' are 'prompt'");
  const side = { min: 256, max: 1920 };
  return {
    prompt,
    width: integer(form, "width", { ...side, usual: 1024 }) as number,
    height: integer(form, "height", { ...side, usual: 768 }) as number,
    seed: integer(form, "seed", { min: 0, max: 2 ** 31 - 1, usual: null }),
    pictures: await picturesOf(form),
  };
}
