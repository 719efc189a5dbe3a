import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { AppError } from "../kernel/app-error.ts";
import { ConfigError } from "../kernel/config-error.ts";
import type { AppEnv } from "./app-type.ts";

/** What D1 says when it is not to be reached, as opposed to a statement it refuses. */
const OUTAGE =
  /network|overloaded|transient|disconnected|timed? ?out|timeout|reset|connection lost|storage operation|internal error/i;

function isOutage(thrown: unknown): boolean {
  const cause = thrown instanceof Error ? (thrown.cause ?? thrown) : thrown;
  return cause instanceof Error && cause.message.includes("D1_ERROR") && OUTAGE.test(cause.message);
}

/** Whatever was thrown, as an error of the registry: unknown failures show nothing of themselves. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  if (thrown instanceof HTTPException && thrown.status === 400)
    return new AppError("malformed_request", { cause: thrown });
  if (thrown instanceof HTTPException && thrown.status === 415) {
    return new AppError("unsupported_media_type", { cause: thrown });
  }
  if (isOutage(thrown)) return new AppError("service_unavailable", { cause: thrown });
  if (thrown instanceof ConfigError) return new AppError("misconfigured", { cause: thrown, retryAfterSeconds: 60 });
  return new AppError("internal_error", { cause: thrown });
}

/** The RFC 9457 problem document for an error, with the headers its status calls for. */
export function problemResponse(c: Context<AppEnv>, error: AppError): Response {
  const { status, title } = error.spec;
  const { issues, retryAfterSeconds, allow, rangeTotal } = error.options;
  const body = {
    type: `urn:ai-styler:error:${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    requestId: c.get("requestId"),
    ...(issues ? { errors: issues } : {}),
  };
  const headers = new Headers({ "Content-Type": "application/problem+json", "Cache-Control": "no-store" });
  if (status === 401) headers.set("WWW-Authenticate", "Bearer");
  if (status === 503 || retryAfterSeconds !== undefined) headers.set("Retry-After", String(retryAfterSeconds ?? 5));
  if (allow) headers.set("Allow", allow.join(", "));
  if (rangeTotal !== undefined) headers.set("Content-Range", `bytes */${rangeTotal}`);
  return new Response(JSON.stringify(body), { status, headers });
}
