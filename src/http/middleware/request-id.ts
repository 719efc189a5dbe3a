import type { MiddlewareHandler } from "hono";
import { childOf, parseTraceparent, toTraceparent } from "../../kernel/trace-context.ts";
import type { AppEnv } from "../app-type.ts";

const ACCEPTED = /^[A-Za-z0-9_-]{8,64}$/;

/**
 * Gives the request an id, the client's own where it is well-formed, and a span of the trace that the client names in
 * `traceparent`, or of a new one; and answers both.
 */
export const requestId: MiddlewareHandler<AppEnv> = async (c, next) => {
  const given = c.req.header("X-Request-Id");
  const id = given !== undefined && ACCEPTED.test(given) ? given : crypto.randomUUID();
  const parent = parseTraceparent(c.req.header("traceparent"));
  const trace = childOf(parent);
  c.set("requestId", id);
  c.set("trace", trace);
  c.set("parentSpanId", parent?.spanId ?? null);
  await next();
  c.res.headers.set("X-Request-Id", id);
  c.res.headers.set("traceparent", toTraceparent(trace));
};
