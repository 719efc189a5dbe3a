import { inspectImage } from "../../modules/images/jobs.ts";
import type { ImageMime } from "../../ports/image-codec.ts";
import { fromBase64 } from "../image-models/base64.ts";
import { asRecord, asRecords } from "../image-models/json-fields.ts";

/** Larger than any picture of the models, in base64 too. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

export type ParsedAnswer =
  | { readonly kind: "picture"; readonly bytes: Uint8Array<ArrayBuffer>; readonly mime: ImageMime }
  /** The answer is an error after all, in the words that the binding would have thrown. */
  | { readonly kind: "error"; readonly message: string }
  | { readonly kind: "nothing"; readonly what: string };

function nothing(what: string): ParsedAnswer {
  return { kind: "nothing", what };
}

function pictureOf(bytes: Uint8Array<ArrayBuffer>): ParsedAnswer {
  const found = inspectImage(bytes);
  return found.ok ? { kind: "picture", bytes, mime: found.mime } : nothing(`the picture is of no use: ${found.reason}`);
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer> | null> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.byteLength;
    if (size > MAX_ANSWER_BYTES) return null;
    parts.push(new Uint8Array(part));
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** A body that the binding did not take for JSON: a picture, or JSON under another content type. */
async function parseBody(stream: ReadableStream<Uint8Array>): Promise<ParsedAnswer> {
  const bytes = await readAll(stream);
  if (bytes === null) return nothing("the answer is too large");
  if (bytes[0] !== 0x7b) return pictureOf(bytes);
  try {
    return parseJson(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return nothing("the answer is broken JSON");
  }
}

function parseJson(answer: unknown): ParsedAnswer {
  const record = asRecord(answer);
  if (record === null) return nothing("the answer is no object");
  const [error] = asRecords(record.errors);
  if (error) return { kind: "error", message: `${String(error.code)}: ${String(error.message)}` };
  const { image } = asRecord(record.result) ?? record;
  if (typeof image !== "string" || image === "") return nothing("the answer has no picture");
  if (image.length > MAX_ANSWER_BYTES) return nothing("the answer is too large");
  const bytes = fromBase64(image);
  return bytes === null ? nothing("the picture is not base64") : pictureOf(bytes);
}

/** The picture in what the binding answered (`{ image: <base64> }`), or why there is none. Nothing is taken on trust. */
export function parseAnswer(answer: unknown): Promise<ParsedAnswer> {
  if (answer instanceof ReadableStream) return parseBody(answer);
  return Promise.resolve(parseJson(answer));
}
