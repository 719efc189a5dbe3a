import { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { ZodType } from "zod";
import { AppError } from "../kernel/app-error.ts";
import type { AuditAction } from "../kernel/audit.ts";
import { ERRORS, type ErrorCode } from "../kernel/error-registry.ts";
import { toFieldIssues, validate } from "../kernel/validate.ts";
import type { App, AppEnv } from "./app-type.ts";
import { audited } from "./middleware/audited.ts";
import { authenticate, requireAdmin, verifyToken } from "./middleware/authenticate.ts";
import { bodyLimit } from "./middleware/body-limit.ts";
import { noBody } from "./middleware/no-body.ts";
import { rateLimit } from "./middleware/rate-limit.ts";

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

const bearer = [{ bearer: [] }];
/** What takes access away: nobody who has stolen another session may use up what the owner needs to get rid of him. */
const CONTAINMENT: ReadonlySet<AuditAction> = new Set([
  "auth.logout_all",
  "auth.password_change",
  "session.revoke",
  "user.delete",
  "admin.disable",
  "admin.end_sessions",
] as const);

/** What is written down for good is limited, refused or not. */
const commands = (action: AuditAction) =>
  rateLimit("commandsPerUser", CONTAINMENT.has(action) ? "sessionId" : "userId");

/** For routes anyone may call. `x-role` tells readers of the document who a route is for. */
export const publicAccess = { "x-role": "anyone", security: [] };

/** For routes of signed-in users: the access token is verified and its session checked before the handler runs. */
export const userAccess = { "x-role": "user", security: bearer, middleware: [authenticate] };

/** For routes of admins, from where admins may call. */
export const adminAccess = { "x-role": "admin", security: bearer, middleware: [authenticate, requireAdmin] };

/** For Prometheus: open in development, else with a token of the deployment's own, which the route looks at. */
export const operatorAccess = { "x-role": "operator", security: [] };

/** For commands with a JSON body of at most 16 KiB, under their name in the audit log. */
export function publicJson(action: AuditAction) {
  return { ...publicAccess, middleware: [audited(action), bodyLimit()] };
}
export function userJson(action: AuditAction) {
  return { ...userAccess, middleware: [audited(action), authenticate, commands(action), bodyLimit()] };
}
export function adminJson(action: AuditAction) {
  return { ...adminAccess, middleware: [audited(action), authenticate, requireAdmin, commands(action), bodyLimit()] };
}

/** For commands that take no body, under their name in the audit log. */
export function userCommand(action: AuditAction) {
  return { ...userAccess, middleware: [audited(action), authenticate, commands(action), noBody] };
}
export function adminCommand(action: AuditAction) {
  return { ...adminAccess, middleware: [audited(action), authenticate, requireAdmin, commands(action), noBody] };
}
/** For the one that works with the token of a session that has ended, too. */
export function tokenCommand(action: AuditAction) {
  return { ...userAccess, middleware: [audited(action), verifyToken, noBody] };
}

/** A JSON answer of one schema. */
export function json<T extends ZodType>(schema: T, description: string) {
  return { description, content: { "application/json": { schema } } };
}

/** A required JSON request body of one schema. */
export function jsonBody<T extends ZodType>(schema: T) {
  return { required: true, content: { "application/json": { schema } } };
}

export function createOpenApiApp(): App {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (result.success) return;
      throw new AppError("validation_failed", { issues: toFieldIssues(result.error.issues) });
    },
  });
}

/** The `{id}` of a path. Ids are opaque: one of any odd shape is simply not found. */
export const idParam = z.object({
  id: z.string().openapi({ param: { name: "id", in: "path" }, example: "cnv_01KBTESTTESTTESTTESTTESTTE" }),
});

/** The JSON body of a route that reads it by itself. */
export async function parseJsonBody<T extends ZodType>(c: Context<AppEnv>, schema: T): Promise<z.output<T>> {
  let value: unknown;
  try {
    value = await c.req.json();
  } catch (cause) {
    throw new AppError("malformed_request", { detail: "The body is not JSON.", cause });
  }
  return validate(schema, value);
}
