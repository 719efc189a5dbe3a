import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { AppEnv } from "../../../http/app-type.ts";
import { clientAddress } from "../../../http/client-ip.ts";
import { AppError } from "../../../kernel/app-error.ts";
import { serializeUser } from "../../users/index.ts";
import type { Caller } from "../caller.ts";
import type { sessionSchema, tokensSchema } from "../schemas.ts";
import type { SignedIn } from "../service/open-session.ts";
import type { Refreshed } from "../service/refresh.ts";

const MAX_USER_AGENT = 256;
const DEVICE_TOKEN = "Device-Token";

const ABOUT_DEVICE_TOKEN = "Says that this device has signed in with this phone before. It opens nothing by itself.";

/** For the OpenAPI document: what a sign-in answers, and what one may send. */
export const deviceTokenHeader = {
  [DEVICE_TOKEN]: { description: `${ABOUT_DEVICE_TOKEN} Keep it.`, schema: { type: "string" as const } },
};
export const deviceTokenRequest = z.object({
  [DEVICE_TOKEN]: z.string().optional().openapi({ description: ABOUT_DEVICE_TOKEN }),
});

/** Who calls a public route. @throws {AppError} 400 when nobody can tell from where: then nothing could be limited. */
export function callerOf(c: Context<AppEnv>): Caller {
  const address = clientAddress(c.req.header("CF-Connecting-IP"));
  if (address === null) throw new AppError("malformed_request", { detail: "The client's address is not known." });
  const userAgent = (c.req.header("User-Agent") ?? "").replace(/\p{C}/gu, "").slice(0, MAX_USER_AGENT).trim();
  return {
    addressKey: address.key,
    client: { userAgent: userAgent === "" ? null : userAgent, ipPrefix: address.prefix },
    deviceToken: c.req.header(DEVICE_TOKEN) ?? null,
    audit: c.get("audit"),
  };
}

/** The tokens of a session; the log event learns whose it is. */
export function tokensBody(c: Context<AppEnv>, tokens: Refreshed): z.output<typeof tokensSchema> {
  const { userId, accessToken, expiresIn, refreshToken, refreshExpiresIn, sessionId } = tokens;
  c.get("event").userId = userId;
  c.get("event").sessionId = sessionId;
  return { accessToken, tokenType: "Bearer", expiresIn, refreshToken, refreshExpiresIn, sessionId };
}

/** The answer to whoever has just signed in. */
export function signedInBody(c: Context<AppEnv>, signedIn: SignedIn): z.output<typeof sessionSchema> {
  const { user, deviceToken } = signedIn;
  if (deviceToken !== null) c.header(DEVICE_TOKEN, deviceToken);
  return { user: serializeUser(user), ...tokensBody(c, { ...signedIn, userId: user.id }) };
}
