import { z } from "@hono/zod-openapi";
import { AUDIT_ACTIONS } from "../../kernel/audit.ts";
import { pageFields } from "../../kernel/page.ts";

const OUTCOMES = ["success", "failure"] as const;

const id = z.string().openapi({ example: "aud_01KBTESTTESTTESTTESTTESTTE" });
const ipPrefix = z.string().nullable().openapi({ description: "IPv4 /24 or IPv6 /48.", example: "203.0.113.0/24" });

/** An event as the user it concerns sees it. */
export const auditEntrySchema = z
  .object({
    id,
    action: z.enum(AUDIT_ACTIONS),
    outcome: z.enum(OUTCOMES),
    sessionId: z.string().nullable(),
    ipPrefix,
    createdAt: z.iso.datetime(),
  })
  .openapi("AuditEntry");
export type AuditEntryBody = z.output<typeof auditEntrySchema>;

/** An event as admins see it. */
export const auditEventSchema = z
  .object({
    id,
    subjectId: z.string().openapi({ description: "Whose log it is in: a user's id, or a pseudonym." }),
    actorId: z.string().openapi({ description: "A user's id, `anonymous`, or `operator` (a command)." }),
    action: z.enum(AUDIT_ACTIONS),
    outcome: z.enum(OUTCOMES),
    sessionId: z.string().nullable(),
    ipPrefix,
    detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).nullable(),
    createdAt: z.iso.datetime(),
  })
  .openapi("AuditEvent");
export type AuditEventBody = z.output<typeof auditEventSchema>;

export const auditEntryListSchema = z
  .object({ items: z.array(auditEntrySchema), nextCursor: z.string().nullable() })
  .openapi("AuditEntryList");

export const auditEventListSchema = z
  .object({ items: z.array(auditEventSchema), nextCursor: z.string().nullable() })
  .openapi("AuditEventList");

export const listAuditQuerySchema = z.object({
  ...pageFields,
});

const account = z.string().min(1).max(128).optional();
const time = z.iso.datetime({ offset: true }).optional();

export const searchAuditQuerySchema = listAuditQuerySchema.extend({
  user: account.openapi({ description: "Whose log: a user's id, or a pseudonym." }),
  actor: account.openapi({ description: "Who acted: a user's id, `anonymous` or `operator`." }),
  action: z.enum(AUDIT_ACTIONS).optional(),
  outcome: z.enum(OUTCOMES).optional(),
  from: time.openapi({ description: "RFC 3339, inclusive: when the request came." }),
  to: time.openapi({ description: "RFC 3339, exclusive." }),
});
