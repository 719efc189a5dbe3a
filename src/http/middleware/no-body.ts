import type { MiddlewareHandler } from "hono";
import { AppError } from "../../kernel/app-error.ts";
import type { AppEnv } from "../app-type.ts";

/** For commands without a body: an empty one or `{}` is fine, and fields are refused instead of silently dropped. */
export const noBody: MiddlewareHandler<AppEnv> = async (c, next) => {
  const length = Number(c.req.header("Content-Length") ?? "0");
  if (length > 16 * 1024) throw new AppError("body_too_large");
  const text = c.req.raw.body === null ? "" : (await c.req.text()).trim();
  if (text !== "" && !/^\{\s*\}$/.test(text)) {
    throw new AppError("validation_failed", {
      issues: [{ path: "", code: "unrecognized_keys", message: "This command takes no fields." }],
    });
  }
  await next();
};
