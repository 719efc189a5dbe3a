import { z } from "@hono/zod-openapi";
import { USER_ROLES } from "../../kernel/request-context.ts";
import { sessionInfoSchema } from "../auth/index.ts";
import { usageSchema } from "../plans/index.ts";
import { readable, userSchema } from "../users/index.ts";

/** Deleted accounts are nobody's to see. */
export const VISIBLE_STATUSES = ["active", "pending", "disabled"] as const;

const userId = z.string().openapi({
  param: { name: "id", in: "path" },
  example: "usr_01KBTESTTESTTESTTESTTESTTE",
});
export const userParam = z.object({ id: userId });

export const sessionParam = userParam.extend({
  sessionId: z.string().openapi({
    param: { name: "sessionId", in: "path" },
    example: "ses_01KBTESTTESTTESTTESTTESTTE",
  }),
});

export const adminUserSchema = userSchema
  .extend({
    status: z.enum(VISIBLE_STATUSES).openapi({ description: "`pending` is a vendor nobody has approved yet." }),
  })
  .openapi("AdminUser");
export type AdminUserBody = z.output<typeof adminUserSchema>;

export const adminUserListSchema = z
  .object({ items: z.array(adminUserSchema), nextCursor: z.string().nullable() })
  .openapi("AdminUserList");

export const adminUserDetailsSchema = z
  .object({ user: adminUserSchema, sessions: z.array(sessionInfoSchema), usage: usageSchema })
  .openapi("AdminUserDetails");

export const listUsersQuerySchema = z.object({
  phone: z.string().min(1).optional().openapi({ description: "In any usual writing.", example: "09121234567" }),
  role: z.enum(USER_ROLES).optional(),
  status: z.enum(VISIBLE_STATUSES).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().optional(),
});

export const setRoleSchema = z.strictObject({ role: z.enum(USER_ROLES) }).openapi("SetRole");

export const grantQuotaSchema = z
  .strictObject({
    units: z.int().min(1).max(1_000_000),
    reason: readable(200).optional(),
  })
  .openapi("GrantQuota");

export const quotaGrantSchema = z
  .object({
    id: z.string().openapi({ example: "grt_01KBTESTTESTTESTTESTTESTTE" }),
    units: z.int(),
    period: z.string().openapi({ example: "2026-11" }),
    reason: z.string().nullable(),
    createdAt: z.iso.datetime(),
  })
  .openapi("QuotaGrant");
export type QuotaGrantBody = z.output<typeof quotaGrantSchema>;
