import { clipText } from "./clip-text.ts";

/** Names of fields whose values are nobody's business, whatever they hold. Compared in lower case, without `_` and `-`. */
export const SECRET_FIELDS: ReadonlySet<string> = new Set([
  "accesstoken",
  "apikey",
  "authorization",
  "body",
  "cookie",
  "currentpassword",
  "devicetoken",
  "image",
  "jwtsecret",
  "newpassword",
  "otp",
  "otpcode",
  "password",
  "passwordhash",
  "pepper",
  "phone",
  "photo",
  "prompt",
  "recipient",
  "refreshtoken",
  "secret",
  "sig",
  "signature",
  "token",
  "verificationtoken",
]);
/** Ids of ours, ids that were looked at before they were taken, and words of ours: nothing in them is anybody's. */
const PLAIN_FIELDS: ReadonlySet<string> = new Set([
  "conversionId",
  "hash",
  "imageId",
  "method",
  "parentSpanId",
  "requestId",
  "route",
  "service",
  "sessionId",
  "spanId",
  "time",
  "traceId",
  "userId",
]);

const DIGIT = "[\\d\\u0660-\\u0669\\u06f0-\\u06f9]";

/** What secrets and personal data look like, wherever they stand in a text. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/\b(Bearer|Basic)\s+[^\s"',;]+/gi, "$1 [redacted]"],
  [/(?<![\w-])eyJ[\w-]{6,}\.[\w-]+(\.[\w-]*)?/g, "[token]"],
  [/\b(whsec_|sk_|rt_)[\w+/=-]{8,}/g, "[secret]"],
  [/\bAIza[\w-]{20,}/g, "[key]"],
  [/(?:\bbot|\b)\d{6,}:[\w-]{30,}/g, "[key]"],
  [/([?&](?:sig|key|token|sentry_key|api_key)=)[^&\s"']+/gi, "$1[redacted]"],
  [/(\/\/)[^/\s@]+@/g, "$1[redacted]@"],
  [
    /\b(api[-_ ]?key|authorization|token|secret|password)(["']?\s*[:=]\s*["']?)(?!\[|Bearer|Basic)[^\s"',;}\])]{6,}/gi,
    "$1$2[redacted]",
  ],
  [
    new RegExp(
      `(?<![A-Za-z0-9])\\(?(?:(?:\\+|00)?98[ .-]?)?\\(?[0\\u0660\\u06f0]?[9\\u0669\\u06f9]${DIGIT}{2}\\)?[ .-]${DIGIT}{3}[ .-]?${DIGIT}{2}[ .-]?${DIGIT}{2}(?![A-Za-z0-9])`,
      "gu",
    ),
    "[phone]",
  ],
  [/(?<=%2B)\d{8,15}(?!\w)/gi, "[phone]"],
  [
    new RegExp(
      `(?<![A-Za-z0-9+]|\\d[.:])(\\+${DIGIT}{8,15}|(?:00|[0\\u0660\\u06f0]{2})?98${DIGIT}{10}|[0\\u0660\\u06f0][9\\u0669\\u06f9]${DIGIT}{9})(?!\\w)`,
      "gu",
    ),
    "[phone]",
  ],
  [/[\w+/-]{100,}={0,2}/g, "[data]"],
  // Random text of letters of both cases and digits; hashes in hex and ids are not.
  [/(?<![\w-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])(?=[\w-]*\d)[\w-]{40,}(?![\w-])/g, "[secret]"],
];
/** Cheap, and true of every text that holds one of the above. */
const SUSPECT =
  /\d{6}|[\d\u0660-\u0669\u06f0-\u06f9]{3}\)?[ .-][\d\u0660-\u0669\u06f0-\u06f9]{3}|api|token|secret|password|authorization|basic\s|[\u0660-\u0669\u06f0-\u06f9]{6}|earer|eyJ|whsec_|sk_|rt_|AIza|[?&]\w+=|\/\/[^/\s]*@|[\w+/-]{40}/i;

/** Longer texts help nobody, and patterns run out of stack on them. */
const MAX_CHARS = 100_000;

/** The text, cut where it is very long, without what looks like a phone, a token, a key, a signature or the bytes of a picture. */
export function scrubText(given: string): string {
  const text = given.length > MAX_CHARS ? clipText(given, MAX_CHARS) : given;
  if (!SUSPECT.test(text)) return text;
  return PATTERNS.reduce((rest, [pattern, mark]) => rest.replace(pattern, mark), text);
}

type Nature = "plain" | "secret" | "text";

/** Names are few; these are looked up for every field of every line. */
const MAX_NATURES = 500;
const natures = new Map<string, Nature>();

function natureOf(name: string): Nature {
  let nature = natures.get(name);
  if (nature === undefined) {
    const isSecret = SECRET_FIELDS.has(name.toLowerCase().replaceAll(/[_-]/g, ""));
    nature = isSecret ? "secret" : PLAIN_FIELDS.has(name) ? "plain" : "text";
    if (natures.size < MAX_NATURES) natures.set(name, nature);
  }
  return nature;
}

/** A field's value as it may be logged. */
export function redactField<T>(name: string, value: T): T | string {
  if (value === undefined || value === null) return value;
  const nature = natureOf(name);
  if (nature === "secret") return "[redacted]";
  return nature === "text" && typeof value === "string" ? scrubText(value) : value;
}
