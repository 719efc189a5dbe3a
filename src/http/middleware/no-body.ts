import type { MiddlewareHandler } from "hono";
import { AppError } from "../../kernel/app-error.ts";
import type { AppEnv } from "../app-type.ts";
import { JSON_LIMIT_BYTES, readUpTo } from "./body-limit.ts";

/** For commands without a body: an empty one or `{}` is fine, and fields are refused instead of silently dropped. */
export const noBody: MiddlewareHandler<AppEnv> = async (c, next) => {
  const { body } = c.req.raw;
  const bytes = body === null ? new Uint8Array() : await readUpTo(body, JSON_LIMIT_BYTES);
  if (bytes === null) throw new AppError("body_too_large");
  const text = new TextDecoder().decode(bytes).trim();
  if (text !== "" && !/^\{\s*\}$/.test(text)) {
    throw new AppError("validation_failed", {
      issues: [{ path: "", code: "unrecognized_keys", message: "This command takes no fields." }],
    });
  }
  await next();
};
