import type { Context } from "hono";
import type { z } from "zod";
import type { AppEnv } from "../../../http/app-type.ts";
import { clientAddress } from "../../../http/client-ip.ts";
import type { SessionClient } from "../../../ports/session-store.ts";
import { serializeUser } from "../../users/index.ts";
import type { sessionSchema } from "../schemas.ts";
import type { SignedIn } from "../service/open-session.ts";

const MAX_USER_AGENT = 256;

/** What a session remembers of the client that opened it. */
export function sessionClient(c: Context<AppEnv>): SessionClient {
  const userAgent = (c.req.header("User-Agent") ?? "").replace(/\p{C}/gu, "").slice(0, MAX_USER_AGENT).trim();
  return {
    userAgent: userAgent === "" ? null : userAgent,
    ipPrefix: clientAddress(c.req.header("CF-Connecting-IP"))?.prefix ?? null,
  };
}

/** The answer to whoever has just signed in; the log event learns who that was. */
export function signedInBody(c: Context<AppEnv>, signedIn: SignedIn): z.output<typeof sessionSchema> {
  const { user, accessToken, expiresIn, refreshToken, refreshExpiresIn, sessionId } = signedIn;
  c.get("event").userId = user.id;
  c.get("event").sessionId = sessionId;
  return {
    user: serializeUser(user),
    accessToken,
    tokenType: "Bearer",
    expiresIn,
    refreshToken,
    refreshExpiresIn,
    sessionId,
  };
}
