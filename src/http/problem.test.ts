import { HTTPException } from "hono/http-exception";
import { expect, it } from "vitest";
import { AppError } from "../kernel/app-error.ts";
import { ConfigError } from "../kernel/config-error.ts";
import { toAppError } from "./problem.ts";

/** As drizzle wraps what D1 says. */
const failedQuery = (cause: string) => new Error("Failed query: select 1\nparams: secret", { cause: new Error(cause) });

it.each([
  ["a database that can't be reached", failedQuery("D1_ERROR: Network connection lost."), "service_unavailable"],
  [
    "an overloaded database",
    failedQuery("D1_ERROR: D1 DB is overloaded. Too many requests queued."),
    "service_unavailable",
  ],
  [
    "a database that is moving",
    failedQuery("D1_ERROR: Cannot resolve D1 DB due to transient issue on remote node."),
    "service_unavailable",
  ],
  ["a replica on its own", failedQuery("D1_ERROR: Replica disconnected from primary."), "service_unavailable"],
  ["a database that was reset", new Error("D1_ERROR: object to be reset."), "service_unavailable"],
  ["a statement the database refuses", failedQuery("D1_ERROR: no such column: nope: SQLITE_ERROR"), "internal_error"],
  ["a bug", new TypeError("network is not a function"), "internal_error"],
  ["bad configuration", new ConfigError([]), "misconfigured"],
  ["malformed JSON", new HTTPException(400), "malformed_request"],
  ["another media type", new HTTPException(415), "unsupported_media_type"],
  ["an error of the registry", new AppError("image_in_use"), "image_in_use"],
  ["something that is no error", "boom", "internal_error"],
])("answers %s by its own code", (_what, thrown, code) => {
  expect(toAppError(thrown).code).toBe(code);
});
