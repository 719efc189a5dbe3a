import type { Context } from "hono";
import type { AppEnv } from "../../../http/app-type.ts";
import { invalidField } from "../../../kernel/app-error.ts";
import type { Conversion } from "../conversion.ts";
import { preferredWaitSeconds } from "../prefer.ts";
import { conversionEtag, serializeConversion } from "../serialize.ts";
import type { CreateAnswer } from "../service/create-conversion.ts";
import { estimateEnds } from "../service/estimate-end.ts";

const MAX_KEY_LENGTH = 255;

/** The Idempotency-Key of the request, or null. */
export function idempotencyKey(c: Context<AppEnv>): string | null {
  const key = c.req.header("Idempotency-Key");
  if (key === undefined) return null;
  if (key === "" || key.length > MAX_KEY_LENGTH) {
    throw invalidField("Idempotency-Key", "invalid_length", `The key must have 1 to ${MAX_KEY_LENGTH} characters.`);
  }
  return key;
}

/** How many seconds the client is ready to wait, from `Prefer: wait=N`. */
export function waitSeconds(c: Context<AppEnv>): number {
  return preferredWaitSeconds(c.req.header("Prefer"));
}

/** 202 or 201 with Location and ETag, as created or as replayed. */
export function createdResponse(c: Context<AppEnv>, answer: CreateAnswer): Response {
  c.get("event").conversionId = answer.conversionId;
  const created = JSON.parse(answer.body) as Pick<Conversion, "version">;
  const headers = new Headers({
    ETag: conversionEtag(created),
    "Content-Type": "application/json",
    Location: `/api/conversions/${answer.conversionId}`,
  });
  if (answer.status === 202) headers.set("Retry-After", "1");
  if (answer.replayed) headers.set("Idempotency-Replayed", "true");
  return new Response(answer.body, { status: answer.status, headers });
}

/** 200 with the conversion and its ETag. */
export async function conversionResponse(c: Context<AppEnv>, conversion: Conversion): Promise<Response> {
  c.header("ETag", conversionEtag(conversion));
  const services = c.get("services");
  const estimates = await estimateEnds(services, [conversion]);
  return c.json(await serializeConversion(services, conversion, estimates.get(conversion.id)), 200);
}
