import type { MiddlewareHandler } from "hono";
import { AppError, invalidField } from "../../kernel/app-error.ts";
import type { ErrorCode } from "../../kernel/error-registry.ts";
import type { AppEnv } from "../app-type.ts";

export const JSON_LIMIT_BYTES = 16 * 1024;
/** How much beyond the limit is still read and thrown away, so that the client gets to see the answer. */
const DRAIN_BYTES = 32 * 1024 * 1024;

export interface BodyLimits {
  /** Accepted media types and the most bytes of each. */
  readonly limits: Readonly<Record<string, number>>;
  /** The code for a body above its limit; JSON is always `body_too_large`. */
  readonly tooLarge: ErrorCode;
}

const JSON_ONLY: BodyLimits = { limits: { "application/json": JSON_LIMIT_BYTES }, tooLarge: "body_too_large" };

/** The whole body; null when it is larger than `limit`. What is too much is read and thrown away, up to a point. */
export async function readUpTo(
  body: ReadableStream<Uint8Array>,
  limit: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const chunks: Uint8Array[] = [];
  const reader = body.getReader();
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw new AppError("malformed_request", { detail: "The body broke off.", cause });
    });
    if (done) break;
    size += value.byteLength;
    if (size <= limit) chunks.push(value);
    else chunks.length = 0;
    if (size > limit + DRAIN_BYTES) {
      await reader.cancel();
      break;
    }
  }
  if (size > limit) return null;
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

/** JSON is UTF-8, and a key that JavaScript would make vanish is refused before it can. */
function assertJsonText(bytes: Uint8Array): void {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch (cause) {
    throw new AppError("malformed_request", { detail: "The body is not UTF-8.", cause });
  }
  // Escaped or not: what is no JSON at all is for the parser to tell.
  if (!/__proto__|\\u/i.test(text)) return;
  try {
    JSON.parse(text, (key, value: unknown) => {
      if (key === "__proto__")
        throw invalidField(key, "unrecognized_key", "This field is not known or not yours to set.");
      return value;
    });
  } catch (error) {
    if (error instanceof AppError) throw error;
  }
}

/**
 * Reads the whole body within the limit of its media type before the handler runs: 415 for another media type or a
 * Content-Encoding, 413 above the limit. A declared length is not believed; the bytes are counted.
 */
export function bodyLimit(options: BodyLimits = JSON_ONLY): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const mediaType = (c.req.header("Content-Type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
    const limit = Object.hasOwn(options.limits, mediaType) ? options.limits[mediaType] : undefined;
    const encoded = (c.req.header("Content-Encoding") ?? "identity").toLowerCase() !== "identity";
    const body = c.req.raw.body;
    const bytes = body === null ? new Uint8Array() : await readUpTo(body, limit ?? 0);
    if (limit === undefined || encoded) {
      throw new AppError("unsupported_media_type", {
        detail: encoded
          ? "An encoded request body is not accepted."
          : `The Content-Type must be ${Object.keys(options.limits).join(" or ")}.`,
      });
    }
    if (bytes === null) throw new AppError(mediaType === "application/json" ? "body_too_large" : options.tooLarge);
    if (mediaType === "application/json") assertJsonText(bytes);
    c.req.raw = new Request(c.req.raw, { body: bytes });
    await next();
  };
}
