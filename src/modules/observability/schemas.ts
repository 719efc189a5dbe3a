import { z } from "@hono/zod-openapi";
import { TRIP_REASONS } from "../../ports/circuit-breaker.ts";
import { STATUSES } from "./service/get-status.ts";

const statusCheckSchema = z
  .object({
    status: z.enum(STATUSES),
    latencyMs: z.int().openapi({ description: "How long the probe took." }),
    lagMs: z.int().optional().openapi({
      description: "Of the queue: how long the oldest conversion that is due has been waiting.",
    }),
    migrationsMissing: z.int().optional().openapi({ description: "Of the database: how many migrations it lacks." }),
    backlog: z.int().optional().openapi({ description: "Of the queue: how many messages wait in it." }),
    oldestMs: z.int().optional().openapi({ description: "Of the queue: how long the oldest message has waited." }),
    reason: z.enum(TRIP_REASONS).optional().openapi({
      description: "Of a provider that is not called at present, or only to try: why.",
    }),
    retryAt: z.iso.datetime().optional().openapi({ description: "When such a provider is tried again." }),
  })
  .openapi("StatusCheck");

export const statusSchema = z
  .object({
    status: z.enum(STATUSES).openapi({ description: "The worst of the checks." }),
    checks: z
      .object({
        database: statusCheckSchema,
        objects: statusCheckSchema,
        queue: statusCheckSchema,
        durableObjects: statusCheckSchema,
        hasher: statusCheckSchema,
        imageProcessor: statusCheckSchema,
        sms: statusCheckSchema,
      })
      .catchall(statusCheckSchema)
      .openapi({ description: "Beside these, `provider.<name>` for each provider of pictures." }),
  })
  .openapi("Status");
export type StatusBody = z.output<typeof statusSchema>;
