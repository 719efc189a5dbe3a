import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "../app-type.ts";

const ACCEPTED = /^[A-Za-z0-9_-]{8,64}$/;

/** Gives the request an id, the client's own where it is well-formed, and answers it. */
export const requestId: MiddlewareHandler<AppEnv> = async (c, next) => {
  const given = c.req.header("X-Request-Id");
  const id = given !== undefined && ACCEPTED.test(given) ? given : crypto.randomUUID();
  c.set("requestId", id);
  await next();
  c.res.headers.set("X-Request-Id", id);
};
