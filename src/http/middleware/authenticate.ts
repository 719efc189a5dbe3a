import type { MiddlewareHandler } from "hono";
import { AppError } from "../../kernel/app-error.ts";
import type { AppEnv } from "../app-type.ts";

const BEARER = /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i;

/** The bearer token of an Authorization header, or null. */
export function bearerToken(header: string | undefined): string | null {
  return header === undefined || header.length > 4096 ? null : (BEARER.exec(header)?.[1] ?? null);
}

/**
 * Verifies the access token and asks its session's object whether the session still holds; the role comes from there,
 * so logout, role change and disabling take effect on the next request. Every failure is the same 401.
 */
export const authenticate: MiddlewareHandler<AppEnv> = async (c, next) => {
  const { accessTokens, sessions } = c.get("services");
  const token = bearerToken(c.req.header("Authorization"));
  const claims = token === null ? null : await accessTokens.verify(token);
  if (claims === null) throw new AppError("unauthenticated");
  const session = await sessions.check(claims.userId, claims.sessionId);
  if (session === null) throw new AppError("unauthenticated");
  c.set("actor", { userId: claims.userId, sessionId: claims.sessionId, role: session.role });
  c.get("event").userId = claims.userId;
  c.get("event").sessionId = claims.sessionId;
  await next();
};
