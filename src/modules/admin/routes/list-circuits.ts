import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { adminAccess, json, problems } from "../../../http/openapi.ts";
import { circuitListSchema } from "../schemas.ts";
import { serializeCircuit } from "../serialize.ts";
import { listCircuits } from "../service/list-circuits.ts";

const route = createRoute({
  method: "get",
  path: "/api/admin/circuits",
  operationId: "listCircuits",
  tags: ["Admin"],
  summary: "The circuit breakers of the providers",
  description: "One for each model that calls go to. The local engine has none.",
  ...adminAccess,
  responses: { 200: json(circuitListSchema, "All of them."), ...problems("unauthenticated", "forbidden") },
});

export function registerListCircuits(app: App): void {
  app.openapi(route, async (c) => {
    const services = c.get("services");
    const circuits = await listCircuits(services);
    const items = circuits.map((circuit) => serializeCircuit(circuit, services.clock.now()));
    return c.json({ items, nextCursor: null }, 200);
  });
}
