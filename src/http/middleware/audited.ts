import type { MiddlewareHandler } from "hono";
import type { AppError } from "../../kernel/app-error.ts";
import { ANONYMOUS, type AuditAction, type AuditEvent, type AuditStamp } from "../../kernel/audit.ts";
import { newId } from "../../kernel/ids.ts";
import type { Actor } from "../../kernel/request-context.ts";
import { recordFailure } from "../../modules/audit/service/record-failure.ts";
import type { AppEnv } from "../app-type.ts";
import { clientAddress } from "../client-ip.ts";
import { toAppError } from "../problem.ts";

/**
 * Refusals that tell something of the account. Malformed requests were no attempt to do anything, and what a limit
 * refuses must cost less than what it lets through.
 */
const RECORDED_STATUSES = new Set([400, 401, 402, 403, 404, 409, 412]);
const NOT_RECORDED = new Set<string>(["malformed_request", "invalid_cursor"]);

function failureOf(stamp: AuditStamp, actor: Actor | undefined, error: AppError): AuditEvent | null {
  const subject = stamp.subject ?? (actor ? { userId: actor.userId } : null);
  if (subject === null || !RECORDED_STATUSES.has(error.spec.status) || NOT_RECORDED.has(error.code)) return null;
  return {
    id: stamp.eventId,
    subject,
    actorId: actor?.userId ?? ANONYMOUS,
    action: stamp.action,
    outcome: "failure",
    sessionId: actor?.sessionId ?? null,
    ipPrefix: stamp.ipPrefix,
    detail: { code: error.code, ...stamp.detail },
    createdAt: Date.now(),
  };
}

/** Gives the request its place in the audit log, and records it there when it is refused. First of a route's middleware. */
export function audited(action: AuditAction): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const ipPrefix = clientAddress(c.req.header("CF-Connecting-IP"))?.prefix ?? null;
    const stamp: AuditStamp = { eventId: newId("aud", Date.now()), action, ipPrefix, subject: null, detail: null };
    c.set("audit", stamp);
    await next();
    if (c.error === undefined) return;
    const event = failureOf(stamp, c.get("actor"), toAppError(c.error));
    const services = c.get("services");
    if (event !== null) services.background(recordFailure(services, event));
  };
}
