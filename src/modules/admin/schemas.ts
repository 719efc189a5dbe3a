import { z } from "@hono/zod-openapi";
import { pageFields } from "../../kernel/page.ts";
import { USER_ROLES } from "../../kernel/request-context.ts";
import { CIRCUIT_FORCES, CIRCUIT_STATES, TRIP_REASONS } from "../../ports/circuit-breaker.ts";
import { PROVIDER_IDS } from "../../ports/image-generator.ts";
import { sessionInfoSchema } from "../auth/index.ts";
import { CALL_OUTCOMES, DEAD_LETTER_OUTCOMES } from "../conversions/index.ts";
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
  ...pageFields,
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

/** Ids hold `:`, and some `@` and `/`: a client encodes the last one at the least. */
export const circuitParam = z.object({
  circuit: z.string().openapi({
    param: { name: "circuit", in: "path" },
    description: "Its id, percent-encoded.",
    example: "gemini:gemini-3.1-flash-image",
  }),
});

export const circuitSchema = z
  .object({
    circuit: z.string().openapi({ description: "Provider and model.", example: "gemini:gemini-3.1-flash-image" }),
    state: z.enum(CIRCUIT_STATES).openapi({ description: "`half_open`: one call at a time is made, to try." }),
    reason: z.enum(TRIP_REASONS).nullable().openapi({ description: "Why it is not closed." }),
    force: z.enum(CIRCUIT_FORCES).openapi({ description: "What an admin holds it at." }),
    retryAt: z.iso
      .datetime()
      .nullable()
      .openapi({ description: "When a call may next be made; null unless open, and when an admin holds it open." }),
    epoch: z.int().openapi({ description: "Raised whenever it opens or closes." }),
    calls: z.int().openapi({ description: "That ended in the last 60 seconds, while it was closed." }),
    failures: z.int().openapi({ description: "Of these." }),
    openedAt: z.iso.datetime().nullable(),
  })
  .openapi("Circuit");
export type CircuitBody = z.output<typeof circuitSchema>;

export const circuitListSchema = z
  .object({ items: z.array(circuitSchema), nextCursor: z.null() })
  .openapi("CircuitList");

export const forceCircuitSchema = z.strictObject({ state: z.enum(CIRCUIT_FORCES) }).openapi("ForceCircuit");

export const deadLetterParam = z.object({
  id: z.string().openapi({ param: { name: "id", in: "path" }, example: "dlt_01KBTESTTESTTESTTESTTESTTE" }),
});

export const listDeadLettersQuerySchema = z.object({
  ...pageFields,
});

export const deadLetterSchema = z
  .object({
    id: z.string().openapi({ example: "dlt_01KBTESTTESTTESTTESTTESTTE" }),
    queue: z.string().openapi({ example: "ai-styler-conversions-dead" }),
    messageId: z.string(),
    conversionId: z.string().nullable().openapi({ description: "Null when the message names none." }),
    body: z.string().openapi({ description: "The message as JSON text, cut off after 2,000 characters." }),
    attempts: z.int(),
    outcome: z.enum(DEAD_LETTER_OUTCOMES).openapi({
      description: "`failed`: the conversion failed for want of delivery; `ended`: it was not harmed; `unreadable`.",
    }),
    receivedAt: z.iso.datetime(),
    replayedAs: z.string().nullable().openapi({ description: "The conversion that took its place." }),
    replayedAt: z.iso.datetime().nullable(),
  })
  .openapi("DeadLetter");
export type DeadLetterBody = z.output<typeof deadLetterSchema>;

export const deadLetterListSchema = z
  .object({ items: z.array(deadLetterSchema), nextCursor: z.string().nullable() })
  .openapi("DeadLetterList");

export const replaySchema = z
  .object({ conversionId: z.string().openapi({ example: "cnv_01KBTESTTESTTESTTESTTESTTE" }) })
  .openapi("Replay");

const costSchema = z
  .object({
    amountMinor: z.int().openapi({ description: "Cents, rounded." }),
    amountMicros: z.int().openapi({ description: "Millionths of a dollar, exact." }),
    currency: z.literal("USD"),
  })
  .openapi("Cost");
export type CostBody = z.output<typeof costSchema>;

const day = z.iso.date();

export const listCostsQuerySchema = z.object({
  from: day.optional().openapi({ description: "UTC day, included; 29 days before `to` when left out." }),
  to: day.optional().openapi({ description: "UTC day, included; today when left out." }),
});

const tokens = z.int().nullable().openapi({ description: "Null where the provider did not tell." });

export const costListSchema = z
  .object({
    items: z.array(
      z
        .object({
          day,
          provider: z.enum(PROVIDER_IDS),
          model: z.string(),
          calls: z.int(),
          succeeded: z.int(),
          failed: z.int(),
          promptTokens: z.int(),
          outputTokens: z.int(),
          averageMs: z
            .int()
            .nullable()
            .openapi({ description: "Of the calls that have ended; null before the first." }),
          cost: costSchema,
          reserved: costSchema.openapi({ description: "The part of the cost that is only expected yet." }),
        })
        .openapi("DailyCost"),
    ),
    total: costSchema,
    budget: z.object({
      dailyMicros: z.int().nullable().openapi({ description: "Null without a limit." }),
      spentTodayMicros: z.int(),
    }),
  })
  .openapi("CostList");
export type CostListBody = z.output<typeof costListSchema>;

export const providerCallSchema = z
  .object({
    id: z.string().openapi({ example: "pcl_01KBTESTTESTTESTTESTTESTTE" }),
    attempt: z.int(),
    provider: z.enum(PROVIDER_IDS),
    model: z.string(),
    outcome: z.enum(CALL_OUTCOMES).openapi({
      description: "`pending`: under way, or its worker died; `aborted`: the job was taken away.",
    }),
    promptTokens: tokens,
    outputTokens: tokens,
    cost: costSchema.openapi({ description: "As expected while pending, and where the provider did not tell." }),
    startedAt: z.iso.datetime(),
    endedAt: z.iso.datetime().nullable(),
  })
  .openapi("ProviderCall");
export type ProviderCallBody = z.output<typeof providerCallSchema>;

export const providerCallListSchema = z
  .object({ items: z.array(providerCallSchema), nextCursor: z.null() })
  .openapi("ProviderCallList");
