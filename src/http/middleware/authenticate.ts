import type { Context, MiddlewareHandler } from "hono";
import { AppError } from "../../kernel/app-error.ts";
import { isInRange } from "../../kernel/ip.ts";
import { effectiveRole } from "../../kernel/request-context.ts";
import type { AccessTokenSubject } from "../../modules/auth/access-tokens.ts";
import type { AppEnv } from "../app-type.ts";
import { clientAddress } from "../client-ip.ts";

const BEARER = /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i;

/** The bearer token of an Authorization header, or null. */
export function bearerToken(header: string | undefined): string | null {
  return header === undefined || header.length > 4096 ? null : (BEARER.exec(header)?.[1] ?? null);
}

async function verifyBearer(c: Context<AppEnv>): Promise<AccessTokenSubject> {
  const token = bearerToken(c.req.header("Authorization"));
  const subject = token === null ? null : await c.get("services").accessTokens.verify(token);
  if (subject === null) throw new AppError("unauthenticated");
  c.set("bearer", subject);
  c.get("event").userId = subject.userId;
  c.get("event").sessionId = subject.sessionId;
  return subject;
}

/** For the one route that may be called with a token whose session has ended. Every failure is the same 401. */
export const verifyToken: MiddlewareHandler<AppEnv> = async (c, next) => {
  await verifyBearer(c);
  await next();
};

/**
 * Verifies the access token and asks its session's object whether the session still holds; role and status come from
 * there, so logout, role change and disabling take effect on the next request. Every failure is the same 401.
 */
export const authenticate: MiddlewareHandler<AppEnv> = async (c, next) => {
  const { userId, sessionId, generation } = await verifyBearer(c);
  const session = await c.get("services").sessions.check(userId, sessionId, generation);
  if (session === null || session.status === "disabled" || session.status === "deleted") {
    throw new AppError("unauthenticated");
  }
  c.set("actor", { userId, sessionId, role: effectiveRole(session) });
  await next();
};

/** After {@link authenticate}: only admins, and only from where they may call. */
export const requireAdmin: MiddlewareHandler<AppEnv> = async (c, next) => {
  if (c.get("actor").role !== "admin") throw new AppError("forbidden");
  const { adminRanges } = c.get("services").config;
  const address = clientAddress(c.req.header("CF-Connecting-IP"));
  const isAllowed =
    adminRanges.length === 0 || (address !== null && adminRanges.some((range) => isInRange(address.bytes, range)));
  if (!isAllowed) throw new AppError("forbidden");
  await next();
};
