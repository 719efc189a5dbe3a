import { inspectImage } from "../../modules/images/jobs.ts";
import type { ImageMime } from "../../ports/image-codec.ts";
import type { GenerationFailure } from "../../ports/image-generator.ts";
import { fromBase64 } from "../image-models/base64.ts";
import { asRecord, asRecords, field, type JsonRecord } from "../image-models/json-fields.ts";

/** Larger than any picture of the models in base64; what is beyond would not fit into an isolate twice. */
const MAX_BASE64_LENGTH = 32 * 1024 * 1024;

export type ParsedResponse =
  | {
      readonly ok: true;
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly mime: ImageMime;
      /** The version that answered; null where it doesn't say. */
      readonly modelVersion: string | null;
    }
  | {
      readonly ok: false;
      readonly failure: Extract<GenerationFailure, "blocked" | "no_image">;
      /** Our own words and Google's names of reasons. */
      readonly what: string;
      /** Google's own sentence on it, to be cut and cleaned before it is shown to anybody. */
      readonly detail: unknown;
    };

/** A refusal under the content rules, in the names Google uses. */
const BLOCKED_REASONS: ReadonlySet<string> = new Set([
  "SAFETY",
  "IMAGE_SAFETY",
  "PROHIBITED_CONTENT",
  "IMAGE_PROHIBITED_CONTENT",
  "RECITATION",
  "IMAGE_RECITATION",
  "SPII",
  "BLOCKLIST",
]);
/** A reason that is not known yet, but speaks of the same: a request that may have been refused is not tried elsewhere. */
const SOUNDS_BLOCKED = /SAFETY|PROHIBITED|RECITATION|BLOCK/;

/**
 * The reasons with which a picture is taken. MAX_TOKENS is among them: tokens run out in the words around a picture,
 * which comes whole or not at all. With any other one, known or not, the model itself says that it did not do its work.
 */
const FINISHED_REASONS: ReadonlySet<string> = new Set(["STOP", "MAX_TOKENS", "FINISH_REASON_UNSPECIFIED", ""]);

function failed(failure: "blocked" | "no_image", what: string, detail: unknown = null): ParsedResponse {
  return { ok: false, failure, what, detail };
}

/** An enum's name as it is safe to print; numbers stand for names that the server knows and the gateway doesn't. */
function reasonOf(value: unknown): string {
  if (typeof value === "number") return String(value);
  return typeof value === "string" ? value.replace(/[^\w-]/g, "").slice(0, 60) : "";
}

function partsOf(candidate: JsonRecord): JsonRecord[] {
  return asRecords(field(asRecord(field(candidate, "content")), "parts"));
}

/** The data of a part that may be a picture: its declared type is not believed, unless it is plainly another medium's. */
function pictureData(part: JsonRecord): string | null {
  if (field(part, "thought") === true) return null;
  const inline = asRecord(field(part, "inlineData"));
  const data = field(inline, "data");
  if (typeof data !== "string" || data === "") return null;
  const declared = field(inline, "mimeType");
  return typeof declared === "string" && /^(audio|video|text)\//i.test(declared) ? null : data;
}

function pictures(response: JsonRecord): string[] {
  const parts = asRecords(field(response, "candidates")).flatMap(partsOf);
  return parts.map(pictureData).filter((data) => data !== null);
}

/** Whether a response holds a picture, of whatever use: what it cost depends on it. */
export function holdsPicture(response: unknown): boolean {
  const record = asRecord(response);
  return record !== null && pictures(record).length > 0;
}

/** Why the response is none, by the reasons it names; null where they allow a picture. */
function refusal(response: JsonRecord): ParsedResponse | null {
  const feedback = asRecord(field(response, "promptFeedback"));
  const blockReason = field(feedback, "blockReason");
  if (blockReason !== undefined && blockReason !== "") {
    return failed("blocked", `blockReason ${reasonOf(blockReason)}`, field(feedback, "blockReasonMessage"));
  }
  const finished = asRecords(field(response, "candidates")).map((candidate) => ({
    reason: reasonOf(field(candidate, "finishReason")),
    message: field(candidate, "finishMessage"),
  }));
  const blocked = finished.find(({ reason }) => BLOCKED_REASONS.has(reason) || SOUNDS_BLOCKED.test(reason));
  if (blocked) return failed("blocked", `finishReason ${blocked.reason}`, blocked.message);
  const unfinished = finished.find(({ reason }) => !FINISHED_REASONS.has(reason));
  return unfinished ? failed("no_image", `finishReason ${unfinished.reason}`, unfinished.message) : null;
}

function withoutPicture(response: JsonRecord): ParsedResponse {
  const candidates = asRecords(field(response, "candidates"));
  if (candidates.length === 0) return failed("no_image", "no candidates");
  const reasons = candidates.map((candidate) => reasonOf(field(candidate, "finishReason")) || "none");
  const hasText = candidates.flatMap(partsOf).some((part) => typeof field(part, "text") === "string");
  return failed("no_image", `finishReason ${reasons.join(", ")}, ${hasText ? "words only" : "no parts"}`);
}

function decodePicture(data: string): Extract<ParsedResponse, { ok: true }> | string {
  if (data.length > MAX_BASE64_LENGTH) return `the picture is larger than ${MAX_BASE64_LENGTH} characters`;
  const bytes = fromBase64(data);
  if (bytes === null) return "the picture is not base64";
  const found = inspectImage(bytes);
  if (!found.ok) return `the picture is of no use: ${found.reason}`;
  return { ok: true, bytes, mime: found.mime, modelVersion: null };
}

/**
 * The picture in the JSON of `generateContent`, or why there is none. Nothing is taken on trust: fields may be missing,
 * null or of another type, the declared type is ignored for the real bytes, and a picture that comes with a refusal is
 * not used. Of several pictures the last is the result, those before are drafts; thoughts never are.
 */
export function parseResponse(response: unknown): ParsedResponse {
  const record = asRecord(response);
  if (record === null) return failed("no_image", "the answer is no object");
  const refused = refusal(record);
  if (refused) return refused;
  const data = pictures(record).at(-1);
  if (data === undefined) return withoutPicture(record);
  const picture = decodePicture(data);
  if (typeof picture === "string") return failed("no_image", picture);
  const version = field(record, "modelVersion");
  return {
    ...picture,
    modelVersion: typeof version === "string" && /^[\w.:/-]{1,100}$/.test(version) ? version : null,
  };
}
