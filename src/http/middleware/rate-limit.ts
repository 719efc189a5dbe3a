import type { MiddlewareHandler } from "hono";
import { Admission, type RateLimits } from "../../kernel/rate-limits.ts";
import type { AppEnv } from "../app-type.ts";

/** Counts the request against a limit of the signed-in user, or of this session alone. After `authenticate`. */
export function rateLimit(name: keyof RateLimits, by: "userId" | "sessionId" = "userId"): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const { rateLimiter, config } = c.get("services");
    await new Admission(rateLimiter).take(config.limits[name], c.get("actor")[by]);
    await next();
  };
}

/** Tells callers what is left of the limits that are theirs alone (draft-ietf-httpapi-ratelimit-headers). */
export const rateLimitHeaders: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next();
  const shown = c.get("services")?.rateLimiter.shown() ?? [];
  if (shown.length === 0) return;
  const seconds = (ms: number) => Math.ceil(ms / 1000);
  const policies = shown.map(({ policy, limit, windowMs }) => `"${policy.name}";q=${limit};w=${seconds(windowMs)}`);
  const states = shown.map(({ policy, remaining, resetMs }) => `"${policy.name}";r=${remaining};t=${seconds(resetMs)}`);
  c.res.headers.set("RateLimit-Policy", policies.join(", "));
  c.res.headers.set("RateLimit", states.join(", "));
};
