import { describe, expect, it } from "vitest";
import { createApp } from "../../../src/app.ts";
import { signUpAdmin } from "../admin/support.ts";
import { apiWith } from "../support/app.ts";
import { api } from "../support/client.ts";

interface Operation {
  operationId?: string;
  security?: object[];
  responses: Record<string, object>;
}

async function operations(): Promise<[string, Operation][]> {
  const document = (await (await api("/api/docs/openapi.json")).json()) as {
    openapi: string;
    paths: Record<string, Record<string, Operation>>;
  };
  expect(document.openapi).toMatch(/^3\.1/);
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  );
}

describe("the OpenAPI document", () => {
  it("has every route of the app, and no other", async () => {
    const documented = new Set((await operations()).map(([name]) => name));
    const routed = createApp()
      .routes.filter((route) => route.method !== "ALL" && !/^\/api\/(docs|styles\/samples)/.test(route.path))
      .map((route) => `${route.method} ${route.path.replace(/:(\w+)/g, "{$1}")}`);
    expect([...documented].sort()).toEqual([...new Set(routed)].sort());
  });

  it("says of every operation who may call it, an id, and how it fails", async () => {
    for (const [name, operation] of await operations()) {
      expect(operation.security, name).toBeInstanceOf(Array);
      expect(operation.operationId, name).toMatch(/^[a-z][A-Za-z]+$/);
      expect(Object.keys(operation.responses), name).toEqual(expect.arrayContaining(["500", "503"]));
      if (operation.security && operation.security.length > 0) expect(operation.responses, name).toHaveProperty("401");
    }
  });

  it("is true about access: every protected operation refuses strangers", async () => {
    for (const [name, operation] of await operations()) {
      if (operation.security?.length === 0) continue;
      const [method, path] = name.split(" ") as [string, string];
      const response = await api(path.replace("{id}", "x"), { method });
      expect(response.status, name).toBe(401);
    }
  });

  it("is true about pace: with nothing left of a caller's limits, 429 comes exactly where it is documented", async () => {
    const { token } = await signUpAdmin();
    const nothing = { COMMANDS: "0", UPLOADS: "0", CONVERSIONS: "0" };
    const limits = Object.entries(nothing).map(([name, limit]) => [`RATE_LIMIT_${name}_PER_USER`, limit]);
    for (const [name, operation] of await operations()) {
      // Logging out comes last: it is never refused.
      if (!operation.security?.some((scheme) => "bearer" in scheme) || operation.operationId === "logout") continue;
      const [method, path] = name.split(" ") as [string, string];
      const { status } = await apiWith(Object.fromEntries(limits), path.replace(/\{\w+\}/g, "x"), { method, token });
      expect(status === 429, `${name}: ${status}`).toBe("429" in operation.responses);
    }
    expect((await apiWith(Object.fromEntries(limits), "/api/auth/logout", { method: "POST", token })).status).toBe(204);
  });
});
