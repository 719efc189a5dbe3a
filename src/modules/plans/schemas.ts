import { z } from "@hono/zod-openapi";
import { toTimestamp } from "../../kernel/clock.ts";
import type { Usage } from "./service/get-usage.ts";

export const usageSchema = z
  .object({
    plan: z.string(),
    period: z.string().openapi({ example: "2026-11" }),
    conversions: z.object({
      limit: z.int().openapi({ description: "The plan's units and those granted for the period." }),
      used: z.int(),
      reserved: z.int(),
      remaining: z.int(),
      resetsAt: z.iso.datetime(),
    }),
  })
  .openapi("Usage");

export function serializeUsage({ plan, period, resetsAt, ...units }: Usage): z.output<typeof usageSchema> {
  return { plan, period, conversions: { ...units, resetsAt: toTimestamp(resetsAt) } };
}
