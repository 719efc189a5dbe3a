import { exports } from "cloudflare:workers";
import { expect, it } from "vitest";

it("answers health without touching a dependency", async () => {
  const response = await exports.default.fetch("http://api.test/api/health");
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ status: "ok", environment: "development" });
});

it("answers 404 and 405 as problem+json", async () => {
  const missing = await exports.default.fetch("http://api.test/api/nothing");
  expect(missing.status).toBe(404);
  expect(missing.headers.get("content-type")).toBe("application/problem+json");
  const wrong = await exports.default.fetch("http://api.test/api/health", { method: "POST" });
  expect(wrong.status).toBe(405);
  expect(wrong.headers.get("allow")).toContain("GET");
});
