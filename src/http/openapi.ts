import { OpenAPIHono, z } from "@hono/zod-openapi";
import type { ZodType } from "zod";
import { AppError, type FieldIssue } from "../kernel/app-error.ts";
import { ERRORS, type ErrorCode } from "../kernel/error-registry.ts";
import type { App, AppEnv } from "./app-type.ts";
import { authenticate } from "./middleware/authenticate.ts";
import { bodyLimit } from "./middleware/body-limit.ts";

export const problemSchema = z
  .object({
    type: z.string().openapi({ example: "urn:ai-styler:error:validation_failed" }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
    requestId: z.string(),
    errors: z.array(z.object({ path: z.string(), code: z.string(), message: z.string() })).optional(),
  })
  .openapi("Problem");

const retryAfterHeader = {
  "Retry-After": { description: "Seconds to wait before trying again.", schema: { type: "integer" as const } },
};

/**
 * The error answers of an operation from the registry, grouped by status. Their type is empty on purpose: handlers
 * throw errors instead of returning them, and spelling them out would multiply the cost of type-checking a route.
 */
export function problems(...codes: readonly ErrorCode[]): Record<never, never> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of [...codes, "internal_error", "service_unavailable"] as const) {
    const status = ERRORS[code].status;
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const responses: Record<number, unknown> = {};
  for (const [status, group] of byStatus) {
    responses[status] = {
      description: group.map((code) => `\`${code}\`: ${ERRORS[code].detail}`).join("\n\n"),
      content: { "application/problem+json": { schema: problemSchema } },
      ...(status === 429 || status === 503 ? { headers: retryAfterHeader } : {}),
    };
  }
  return responses;
}

/** For routes anyone may call. */
export const publicAccess = { security: [] };

/** For routes of signed-in users: the access token is verified and its session checked before the handler runs. */
export const userAccess = { security: [{ bearer: [] }], middleware: [authenticate] };

/** As {@link publicAccess} and {@link userAccess}, for routes with a JSON body of at most 16 KiB. */
export const publicJson = { security: [], middleware: [bodyLimit()] };
export const userJson = { security: [{ bearer: [] }], middleware: [authenticate, bodyLimit()] };

/** A JSON answer of one schema. */
export function json<T extends ZodType>(schema: T, description: string) {
  return { description, content: { "application/json": { schema } } };
}

/** A required JSON request body of one schema. */
export function jsonBody<T extends ZodType>(schema: T) {
  return { required: true, content: { "application/json": { schema } } };
}

/** Zod's issues as the contract's `errors`; each unknown field is named. */
export function toFieldIssues(issues: readonly z.core.$ZodIssue[]): FieldIssue[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        path: [...path, key].join("."),
        code: "unrecognized_key",
        message: "This field is not known or not yours to set.",
      }));
    }
    return [{ path: path.join("."), code: issue.code, message: issue.message }];
  });
}

export function createOpenApiApp(): App {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (result.success) return;
      throw new AppError("validation_failed", { issues: toFieldIssues(result.error.issues) });
    },
  });
}
