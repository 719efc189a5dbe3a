import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestStack, type TestStack } from "./support/stack.ts";

const TOO_SHORT = "hunter2-hunter2";

describe("a JWT_SECRET that is too short", () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startTestStack({ JWT_SECRET: TOO_SHORT });
  });
  afterAll(() => stack?.close());

  it.each([
    ["GET", "/api/health"],
    ["GET", "/api/docs/openapi.json"],
    ["GET", "/.well-known/jwks.json"],
    ["GET", "/api/conversions"],
    ["POST", "/api/auth/send-otp"],
    ["GET", "/no/such/route"],
  ])("makes %s %s answer 503 misconfigured without a detail about it", async (method, path) => {
    const response = await fetch(`${stack.url}${path}`, { method });
    const body = await response.text();
    expect(response.status).toBe(503);
    expect(response.headers.get("content-type")).toContain("application/problem+json");
    expect(JSON.parse(body)).toMatchObject({ status: 503, code: "misconfigured" });
    expect(body).not.toContain("JWT_SECRET");
  });

  it("is named in the log, and its value is not", async () => {
    await expect.poll(() => stack.logText(), { timeout: 5_000 }).toContain("JWT_SECRET must have at least 32");
    expect(stack.logText()).not.toContain(TOO_SHORT);
  });
});

describe("ENVIRONMENT=production", () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startTestStack({ ENVIRONMENT: "production" });
  });
  afterAll(() => stack?.close());

  it("is what health tells", () => {
    expect(stack.health).toMatchObject({ status: 200, body: { status: "ok", environment: "production" } });
  });

  it("has no development inbox", async () => {
    const response = await fetch(`${stack.url}/api/dev/sms?phone=09121234567`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: "not_found" });
  });
});
