import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "../app-type.ts";

/** The same for every answer. */
const ALWAYS = [
  ["Strict-Transport-Security", "max-age=31536000; includeSubDomains"],
  ["X-Content-Type-Options", "nosniff"],
  ["Referrer-Policy", "no-referrer"],
] as const;
/** For a route that needs another value (docs page, pictures) to set its own. */
const DEFAULTS = [
  ["Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"],
  ["Cross-Origin-Resource-Policy", "same-origin"],
  ["Cache-Control", "no-store"],
] as const;

/**
 * Strict headers on every answer. `Vary: Origin` is among them, so that a shared cache never serves what CORS allows one
 * origin to another.
 */
export const securityHeaders: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next();
  const { headers } = c.res;
  for (const [name, value] of ALWAYS) headers.set(name, value);
  for (const [name, value] of DEFAULTS) {
    if (!headers.has(name)) headers.set(name, value);
  }
  headers.append("Vary", "Origin");
};
