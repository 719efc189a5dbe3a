/** Headers of requests and answers that routes do not spell out: `components` of the document, and who has which. */
import type { Header, Operation, Parameter } from "./types.ts";

const text = { type: "string" } as const;
const seconds = { type: "integer", minimum: 0 } as const;

/** Those that are `required` are on every answer that names them. */
export const HEADERS: Readonly<Record<string, Header>> = {
  "X-Request-Id": {
    description: "Id of the request, as sent or made; quote it when you report something.",
    required: true,
    schema: { type: "string", pattern: "^[A-Za-z0-9_-]{8,64}$" },
  },
  traceparent: {
    description: "The span of this request (W3C Trace Context), in the caller's trace where one was sent.",
    required: true,
    schema: { type: "string", pattern: "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$" },
  },
  "Cache-Control": {
    description: "`no-store` on errors, and on what belongs to somebody unless it says otherwise.",
    required: true,
    schema: text,
  },
  ETag: {
    description: "Strong validator of the resource, for `If-None-Match` and, where taken, `If-Match`.",
    required: true,
    schema: { type: "string", pattern: '^"[^"]+"$' },
  },
  Location: {
    description: "Where the new resource is.",
    required: true,
    schema: { type: "string", pattern: "^/api/" },
  },
  "Retry-After": { description: "Seconds to wait before trying or asking again.", required: true, schema: seconds },
  "WWW-Authenticate": {
    description: "How to authenticate.",
    required: true,
    schema: { type: "string", enum: ["Bearer"] },
  },
  Allow: { description: "The methods this address takes.", required: true, schema: text },
  "RateLimit-Policy": {
    description: "The caller's own limits: name, requests (`q`) and window in seconds (`w`). IETF draft.",
    schema: text,
  },
  RateLimit: {
    description: "What is left of them: requests (`r`) and seconds until some come back (`t`). IETF draft.",
    schema: text,
  },
  "Idempotency-Replayed": {
    description: "This is the answer to the first request with the `Idempotency-Key`.",
    schema: { type: "string", enum: ["true"] },
  },
  "Content-Range": {
    description: "Which bytes these are, of how many.",
    required: true,
    schema: { type: "string", pattern: "^bytes (\\d+-\\d+|\\*)/\\d+$" },
  },
  "Accept-Ranges": {
    description: "`Range` is understood.",
    required: true,
    schema: { type: "string", enum: ["bytes"] },
  },
  "Content-Disposition": { description: "A file name to save it under.", required: true, schema: text },
};

const header = (name: string, description: string, more: Partial<Parameter> = {}): Parameter => ({
  name,
  in: "header",
  description,
  required: false,
  schema: text,
  ...more,
});

export const PARAMETERS: Readonly<Record<string, Parameter>> = {
  RequestId: header("X-Request-Id", "8 to 64 of `A-Za-z0-9_-` are taken over; anything else is replaced.", {
    example: "checkout-7f3a91",
  }),
  TraceParent: header("traceparent", "The caller's span (W3C Trace Context); a malformed one is ignored.", {
    example: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  }),
  IfNoneMatch: header("If-None-Match", "The `ETag` at hand: 304 when nothing has changed.", { example: '"v3"' }),
  IfMatch: header("If-Match", "Change it only if its `ETag` is still this one; 412 otherwise.", { example: "*" }),
  Range: header("Range", "One range of bytes; anything else is ignored.", { example: "bytes=0-1023" }),
  IfRange: header("If-Range", "The `ETag` the `Range` belongs to; another one gives the whole picture."),
  IdempotencyKey: header("Idempotency-Key", "Makes a repeat harmless for 24 hours: it is answered as the first was.", {
    schema: { type: "string", minLength: 1, maxLength: 255 },
    example: "0192e7c4-order-1",
  }),
  Prefer: header("Prefer", "`wait=N`: answer when the conversion has ended, at most N seconds (25) later.", {
    example: "wait=20",
  }),
};

const EVERYWHERE = ["RequestId", "TraceParent"];
const CREATES_CONVERSION: ReadonlySet<string> = new Set(["createConversion", "retryConversion"]);

/** Names in {@link PARAMETERS} of the headers an operation takes. */
export function requestHeaders({ operationId, responses }: Operation): string[] {
  return [
    ...EVERYWHERE,
    ...("304" in responses ? ["IfNoneMatch"] : []),
    ...("206" in responses ? ["Range", "IfRange"] : []),
    ...("412" in responses ? ["IfMatch"] : []),
    ...(CREATES_CONVERSION.has(operationId) ? ["IdempotencyKey", "Prefer"] : []),
  ];
}

const HAS_ETAG: ReadonlySet<string> = new Set([
  "getMe",
  "updateMe",
  "uploadImage",
  "getImage",
  "getImageContent",
  "createConversion",
  "getConversion",
  "updateConversion",
  "cancelConversion",
  "retryConversion",
]);
const CREATES_RESOURCE: ReadonlySet<string> = new Set([...CREATES_CONVERSION, "uploadImage"]);
const OF_STATUS: Readonly<Record<string, readonly string[]>> = {
  206: ["Content-Range"],
  401: ["WWW-Authenticate"],
  405: ["Allow"],
  416: ["Content-Range"],
  429: ["Retry-After"],
  503: ["Retry-After"],
};

/** Names in {@link HEADERS} of what an answer with that status carries. */
export function answerHeaders({ operationId, responses, security }: Operation, status: string): string[] {
  const isGood = /^[23]/.test(status);
  const isContent = operationId === "getImageContent" && isGood;
  // Whoever has to be signed in is refused before anything is counted; who signs in, after.
  const isCounted = !(security.length > 0 ? /^(401|405|5)/ : /^(405|5)/).test(status);
  const creates = status === "201" || status === "202";
  return [
    "X-Request-Id",
    "traceparent",
    "Cache-Control",
    ...(OF_STATUS[status] ?? []),
    ...(isGood && HAS_ETAG.has(operationId) ? ["ETag"] : []),
    ...(isContent ? ["Accept-Ranges", "Content-Disposition"] : []),
    ...(creates && CREATES_RESOURCE.has(operationId) ? ["Location"] : []),
    ...(creates && CREATES_CONVERSION.has(operationId) ? ["Idempotency-Replayed"] : []),
    ...(status === "202" && CREATES_CONVERSION.has(operationId) ? ["Retry-After"] : []),
    ...("429" in responses && isCounted ? ["RateLimit-Policy", "RateLimit"] : []),
  ];
}
