import { createRoute, z } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { json, problems, publicAccess } from "../../../http/openapi.ts";
import { VERSION } from "../../../kernel/version.ts";

const VERSION_HEADER = "X-Worker-Version";

const healthSchema = z
  .object({
    status: z.literal("ok"),
    version: z.string(),
    environment: z.enum(["development", "preview", "production"]),
  })
  .openapi("Health");

const route = createRoute({
  method: "get",
  path: "/api/health",
  operationId: "getHealth",
  tags: ["Operations"],
  summary: "Whether the service is alive",
  description: "Liveness: touches no dependency.",
  ...publicAccess,
  responses: {
    200: {
      ...json(healthSchema, "The service is alive."),
      headers: {
        [VERSION_HEADER]: {
          description: "Id of the deployed version that answered: while a release spreads there are two.",
          schema: { type: "string" },
        },
      },
    },
    ...problems("misconfigured"),
  },
});

export function registerGetHealth(app: App): void {
  app.openapi(route, (c) => {
    const { config, deployedVersion } = c.get("services");
    c.header(VERSION_HEADER, deployedVersion);
    return c.json({ status: "ok" as const, version: VERSION, environment: config.environment }, 200);
  });
}
