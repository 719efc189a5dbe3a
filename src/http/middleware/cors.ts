import type { MiddlewareHandler } from "hono";
import { configOf } from "../../composition/config.ts";
import type { AppEnv } from "../app-type.ts";

const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE";
const REQUEST_HEADERS =
  "Authorization, Content-Type, Device-Token, Idempotency-Key, If-Match, If-None-Match, Prefer, Range, traceparent, X-Request-Id";
const EXPOSED_HEADERS =
  "Content-Range, Device-Token, ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, traceparent, X-Request-Id";

/** CORS for exact origins only: an unlisted origin, `null` included, gets no CORS header at all. */
export const cors: MiddlewareHandler<AppEnv> = async (c, next) => {
  // Read in any case: bad configuration refuses preflights, too.
  const { corsOrigins } = configOf(c.env, "api");
  const origin = c.req.header("Origin");
  const allowed = origin !== undefined && corsOrigins.has(origin);
  if (c.req.method === "OPTIONS" && c.req.header("Access-Control-Request-Method") !== undefined) {
    c.res = new Response(null, { status: 204 });
    if (allowed) {
      c.res.headers.set("Access-Control-Allow-Methods", METHODS);
      c.res.headers.set("Access-Control-Allow-Headers", REQUEST_HEADERS);
      c.res.headers.set("Access-Control-Max-Age", "600");
    }
  } else {
    await next();
    if (allowed) c.res.headers.set("Access-Control-Expose-Headers", EXPOSED_HEADERS);
  }
  if (allowed) c.res.headers.set("Access-Control-Allow-Origin", origin);
};
