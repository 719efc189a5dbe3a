import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../http/app-type.ts";
import { adminJson, json, jsonBody, problems } from "../../../http/openapi.ts";
import { circuitParam, circuitSchema, forceCircuitSchema } from "../schemas.ts";
import { serializeCircuit } from "../serialize.ts";
import { forceCircuit } from "../service/force-circuit.ts";

const route = createRoute({
  method: "post",
  path: "/api/admin/circuits/{circuit}/force",
  operationId: "forceCircuit",
  tags: ["Admin"],
  summary: "Hold a circuit breaker open or closed, or let it go",
  description:
    "`open`: no call is made. `closed`: every call is made, whatever comes of it. `auto`: it goes by outcomes again. " +
    "Holds until it is changed, and takes effect everywhere within two seconds.",
  ...adminJson("admin.force_circuit"),
  request: { params: circuitParam, body: jsonBody(forceCircuitSchema) },
  responses: {
    200: json(circuitSchema, "The circuit breaker."),
    ...problems(
      "malformed_request",
      "unauthenticated",
      "forbidden",
      "circuit_not_found",
      "body_too_large",
      "unsupported_media_type",
      "validation_failed",
    ),
  },
});

export function registerForceCircuit(app: App): void {
  app.openapi(route, async (c) => {
    const services = c.get("services");
    const target = { circuit: c.req.valid("param").circuit, force: c.req.valid("json").state };
    const state = await forceCircuit(services, c.get("actor"), c.get("audit"), target);
    return c.json(serializeCircuit(state, services.clock.now()), 200);
  });
}
