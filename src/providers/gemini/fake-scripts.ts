import type { WireAnswer, WireResponse } from "../http-fake.ts";
import {
  answerOf,
  BAD_PICTURES,
  DRAFT,
  EMPTY_ANSWERS,
  finished,
  json,
  type Picture,
  picturePart,
  promptBlocked,
  success,
} from "./fake-answers.ts";
import { apiKeyInvalid, forbidden, googleError, invalidArgument, modelNotFound, quotaFailure } from "./fake-errors.ts";
import type { PaintedMime } from "./fake-picture.ts";
import type { ReceivedRequest } from "./fake-request.ts";

/** `name` or `name:argument`, a name of {@link SCRIPT_NAMES}; or an answer of one's own. */
export type GeminiScript = string | WireResponse;

export interface ScriptContext {
  readonly request: ReceivedRequest;
  readonly paint: (mime?: PaintedMime) => Promise<Picture>;
}

type Script = (context: ScriptContext, argument: string | undefined) => WireAnswer | Promise<WireAnswer>;

const FINISH_MESSAGE = "Unable to show the generated image. The model could not generate it for this prompt.";
/** Beyond any time a caller waits. */
const FOREVER_MS = "600000";
const HTML_502 =
  "<!DOCTYPE html>\n<html lang=en><title>Error 502 (Server Error)!!1</title><p>That’s all we know.</html>";

const SUCCESSES: Readonly<Record<string, Script>> = {
  /** Its argument is the picture's format: `ok:jpeg`. */
  ok: async ({ request, paint }, format) => {
    const mime = format === undefined ? undefined : format === "jpeg" ? "image/jpeg" : "image/png";
    return json(success(request, await paint(mime)));
  },
  "several-pictures": async ({ request, paint }) =>
    json(answerOf(request, [DRAFT, DRAFT, await paint()].map(picturePart))),
  "thoughts-last": async ({ request, paint }) =>
    json(answerOf(request, [picturePart(await paint()), { ...picturePart(DRAFT), thought: true }])),
  "picture-first": async ({ request, paint }) =>
    json(answerOf(request, [picturePart(await paint()), { text: "There you are." }])),
  "snake-case": async ({ request, paint }) => {
    const { mimeType, data } = await paint();
    return json(answerOf(request, [{ inline_data: { mime_type: mimeType, data } }]));
  },
  "wrong-mime": async ({ request, paint }) => {
    const { data } = await paint("image/jpeg");
    return json(success(request, { mimeType: "image/png", data }));
  },
  "no-usage": async ({ request, paint }) => {
    const { usageMetadata: _, ...rest } = success(request, await paint());
    return json(rest);
  },
  "slow-headers": async (context, afterMs = FOREVER_MS) => ({
    ...json(success(context.request, await context.paint())),
    headersAfterMs: Number(afterMs),
  }),
  "slow-body": async (context, afterMs = FOREVER_MS) => ({
    ...json(success(context.request, await context.paint())),
    restAfterMs: Number(afterMs),
  }),
};

const REFUSALS: Readonly<Record<string, Script>> = {
  finish: ({ request }, reason = "OTHER") => json(finished(request, reason)),
  "finish-message": ({ request }, reason = "OTHER") => json(finished(request, reason, FINISH_MESSAGE)),
  "finish-with-picture": async ({ request, paint }, reason = "OTHER") =>
    json(answerOf(request, [picturePart(await paint())], reason)),
  block: ({ request }, reason = "SAFETY") => json(promptBlocked(request, reason)),
};

const HTTP_ERRORS: Readonly<Record<string, Script>> = {
  "invalid-argument": () => invalidArgument("Unable to process input image."),
  "api-key-invalid": apiKeyInvalid,
  location: () => googleError(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
  billing: () =>
    googleError(
      400,
      "FAILED_PRECONDITION",
      "Gemini API free tier is not available in your country. Please enable billing on your project in Google AI Studio.",
    ),
  unauthenticated: () =>
    googleError(401, "UNAUTHENTICATED", "Request had invalid authentication credentials. Expected OAuth 2 token."),
  forbidden,
  "model-gone": ({ request }) => modelNotFound(request.model),
  /** Its argument is the delay in protobuf's JSON, `37s`. */
  "rate-limited": ({ request }, delay) => quotaFailure(request.model, "Minute", delay ?? null),
  "quota-day": ({ request }, delay) => quotaFailure(request.model, "Day", delay ?? "37s"),
  "no-credit": () =>
    googleError(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted. Please go to AI Studio to add more."),
  internal: () => googleError(500, "INTERNAL", "An internal error has occurred. Please retry."),
  unavailable: () => googleError(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
  "deadline-exceeded": () => googleError(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
  "html-502": () => ({ status: 502, headers: { "Content-Type": "text/html; charset=UTF-8" }, body: HTML_502 }),
};

const TRANSPORT: Readonly<Record<string, Script>> = {
  hang: () => "hang",
  stall: () => "stall",
  reset: () => "reset",
  "html-200": () => "garbage",
  "truncated-json": async ({ request, paint }) => {
    const whole = json(success(request, await paint()));
    return { ...whole, body: whole.body.slice(0, whole.body.length / 2) };
  },
  cut: async ({ request, paint }) => ({ ...json(success(request, await paint())), cut: true }),
};

function answering(body: (context: ScriptContext) => unknown): Script {
  return async (context) => json(await body(context));
}

const SCRIPTS: Readonly<Record<string, Script>> = {
  ...SUCCESSES,
  ...REFUSALS,
  ...HTTP_ERRORS,
  ...TRANSPORT,
  ...Object.fromEntries(
    Object.entries(EMPTY_ANSWERS).map(([name, body]) => [name, answering(({ request }) => body(request))]),
  ),
  ...Object.fromEntries(
    Object.entries(BAD_PICTURES).map(([name, spoil]) => [
      name,
      answering(async ({ request, paint }) => success(request, spoil(await paint()))),
    ]),
  ),
};

/** All answers that can be asked for by name. */
export const SCRIPT_NAMES: readonly string[] = Object.keys(SCRIPTS);

function nameOf(script: string): string {
  return script.split(":", 1)[0] as string;
}

/** @throws {Error} naming what is not known. */
export function checkScripts(scripts: readonly unknown[]): asserts scripts is readonly GeminiScript[] {
  for (const script of scripts) {
    const known =
      typeof script === "string"
        ? Object.hasOwn(SCRIPTS, nameOf(script))
        : typeof script === "object" && script !== null && "status" in script && "body" in script;
    if (!known) throw new Error(`no such script: ${JSON.stringify(script)}; there are ${SCRIPT_NAMES.join(", ")}`);
  }
}

export async function play(script: GeminiScript, context: ScriptContext): Promise<WireAnswer> {
  if (typeof script !== "string") return script;
  const name = nameOf(script);
  const argument = script.length > name.length ? script.slice(name.length + 1) : undefined;
  return (SCRIPTS[name] as Script)(context, argument);
}
