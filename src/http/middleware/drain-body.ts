import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "../app-type.ts";

const DRAIN_BYTES = 32 * 1024 * 1024;

/**
 * Reads a body nobody read to its end (up to a limit) before the answer goes out: a request refused by its address,
 * method or token would otherwise see its connection break in the middle of sending.
 */
export const drainBody: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next();
  const { body, bodyUsed } = c.req.raw;
  if (body === null || bodyUsed || body.locked) return;
  const reader = body.getReader();
  let left = DRAIN_BYTES;
  try {
    while (left > 0) {
      const { done, value } = await reader.read();
      if (done) return;
      left -= value.byteLength;
    }
    await reader.cancel();
  } catch {
    // The client has gone: there is nobody left to answer.
  }
};
