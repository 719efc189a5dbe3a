import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { createApp } from "../../../src/app.ts";
import { decodeCursor, encodeCursor } from "../../../src/http/cursor.ts";
import { ERRORS } from "../../../src/kernel/error-registry.ts";
import { createKeyring } from "../../../src/kernel/keyring.ts";
import { apiWith } from "../support/app.ts";
import { api, apiRequest, newPhone, signUp } from "../support/client.ts";
import { bindings } from "../support/database.ts";

/** One request to an app of its own, with other variables than the test Worker's. */
async function withVariables(variables: Record<string, string>, request: Request): Promise<Response> {
  const context = createExecutionContext();
  const response = await createApp().fetch(request, { ...bindings, ...variables } as unknown as ApiEnv, context);
  await waitOnExecutionContext(context);
  return response;
}

const health = (headers: Record<string, string> = {}, method = "GET") =>
  new Request("http://api.test/api/health", { headers, method });

describe("every answer", () => {
  it("carries the security headers, on success and on failure", async () => {
    for (const path of ["/api/health", "/api/nothing", "/api/users/me"]) {
      const response = await api(path);
      expect(response.headers.get("strict-transport-security")).toContain("max-age=31536000");
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
      expect(response.headers.get("referrer-policy")).toBe("no-referrer");
      expect(response.headers.get("cross-origin-resource-policy")).not.toBeNull();
      expect(response.headers.get("cache-control")).toContain("no-store");
      expect(response.headers.get("vary")).toContain("Origin");
    }
  });

  it("tells by its health which deployed version answered", async () => {
    const response = await apiWith({ VERSION_METADATA: { id: "version-7", tag: "", timestamp: "" } }, "/api/health");
    expect([response.status, response.headers.get("x-worker-version")]).toEqual([200, "version-7"]);
  });

  it("carries the request id, the client's own where it is well-formed", async () => {
    const own = await api("/api/health", { headers: { "X-Request-Id": "my-request_0001" } });
    expect(own.headers.get("x-request-id")).toBe("my-request_0001");
    for (const bad of ["short", "x".repeat(65), "spaces in it", "a/b/c/d/e"]) {
      const response = await api("/api/health", { headers: { "X-Request-Id": bad } });
      expect(response.headers.get("x-request-id")).toMatch(/^[A-Za-z0-9_-]{8,64}$/);
      expect(response.headers.get("x-request-id")).not.toBe(bad);
    }
  });
});

describe("errors", () => {
  it("are problem+json from the registry, with the request's id and nothing internal", async () => {
    const response = await api("/api/nothing", { headers: { "X-Request-Id": "request-0001" } });
    expect(response.status).toBe(404);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toEqual({
      type: "urn:ai-styler:error:not_found",
      title: ERRORS.not_found.title,
      status: 404,
      detail: ERRORS.not_found.detail,
      code: "not_found",
      requestId: "request-0001",
    });
  });

  it("name the allowed methods on 405, and challenge on 401", async () => {
    const wrong = await api("/api/conversions/cnv_x", { method: "PATCH", json: {} });
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get("allow")?.split(", ").sort()).toEqual(["DELETE", "GET", "HEAD", "PUT"]);
    const anonymous = await api("/api/conversions");
    expect(anonymous.status).toBe(401);
    expect(anonymous.headers.get("www-authenticate")).toBe("Bearer");
    expect(anonymous.headers.get("cache-control")).toBe("no-store");
  });

  it("tell malformed JSON, other media types, encodings and too large bodies apart", async () => {
    const { token } = await signUp();
    const put = (body: BodyInit, headers: Record<string, string> = {}) =>
      api("/api/conversions", {
        method: "POST",
        token,
        body,
        headers: { "Content-Type": "application/json", ...headers },
      });
    expect((await put("{")).status).toBe(400);
    expect((await put(new Uint8Array([0x22, 0xff, 0xfe, 0x22]))).status).toBe(400);
    const hidden = await put('{"kind":"style","metadata":{"__proto__":"x"}}');
    expect(await hidden.json()).toMatchObject({ status: 422, errors: [{ path: "__proto__" }] });
    expect((await put("")).status).toBe(400);
    expect((await put("[]")).status).toBe(422);
    expect((await put("null")).status).toBe(422);
    expect((await put("{}", { "Content-Type": "text/plain" })).status).toBe(415);
    expect((await put("{}", { "Content-Encoding": "gzip" })).status).toBe(415);
    for (const inherited of ["constructor", "__proto__", "toString"]) {
      expect((await put("{}", { "Content-Type": inherited })).status, inherited).toBe(415);
    }
    const large = await put(JSON.stringify({ kind: "x".repeat(16 * 1024) }));
    expect(large.status).toBe(413);
    expect(await large.json()).toMatchObject({ code: "body_too_large" });
    const nested = await put(`${"[".repeat(8000)}${"]".repeat(8000)}`);
    expect([400, 422]).toContain(nested.status);
    const polluted = await put('{"__proto__":{"kind":"style"},"constructor":{}}');
    expect(polluted.status).toBe(422);
  });
});

describe("a body that nobody reads", () => {
  it("is read to its end before a refusal is answered", async () => {
    for (const path of ["/api/images", "/api/nothing", "/api/health"]) {
      let pulled = 0;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (++pulled > 40) controller.close();
          else controller.enqueue(new Uint8Array(65_536));
        },
      });
      const response = await api(path, { method: "POST", body, headers: { "Content-Type": "text/plain" } });
      expect([401, 404, 405], path).toContain(response.status);
      expect(pulled, path).toBeGreaterThan(40);
    }
  });
});

describe("CORS", () => {
  const variables = { CORS_ORIGINS: "https://app.example, https://shop.example:8443" };

  it("lets exact origins in, preflight and request", async () => {
    for (const origin of ["https://app.example", "https://shop.example:8443"]) {
      const response = await withVariables(variables, health({ Origin: origin }));
      expect(response.headers.get("access-control-allow-origin")).toBe(origin);
      expect(response.headers.get("access-control-expose-headers")).toContain("ETag");
      const preflight = await withVariables(
        variables,
        health({ Origin: origin, "Access-Control-Request-Method": "PUT" }, "OPTIONS"),
      );
      expect(preflight.status).toBe(204);
      expect(preflight.headers.get("access-control-allow-methods")).toContain("PUT");
    }
  });

  it("gives no other origin any header, and varies by origin all the same", async () => {
    for (const origin of [
      "null",
      "https://app.example.evil",
      "https://evilapp.example",
      "http://app.example",
      "https://app.example:444",
      "https://shop.example",
    ]) {
      const response = await withVariables(variables, health({ Origin: origin }));
      expect(response.headers.get("access-control-allow-origin"), origin).toBeNull();
      expect(response.headers.get("access-control-allow-credentials")).toBeNull();
      expect(response.headers.get("vary")).toContain("Origin");
    }
  });
});

describe("configuration", () => {
  it("that can't be used stops every route with 503 and logs the variable, never its value", async () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    const variables = { JWT_SECRET: "hunter2", FREE_MONTHLY_CONVERSIONS: "many", LOG_LEVEL: "info" };
    for (const path of ["/api/health", "/api/styles", "/api/users/me"]) {
      const response = await withVariables(variables, new Request(`http://api.test${path}`));
      expect(response.status, path).toBe(503);
      expect(response.headers.get("retry-after")).not.toBeNull();
      expect(await response.json()).toMatchObject({ code: "misconfigured" });
    }
    const lines = log.mock.calls.map(([line]) => String(line)).join("\n");
    log.mockRestore();
    expect(lines).toContain("JWT_SECRET");
    expect(lines).toContain("FREE_MONTHLY_CONVERSIONS");
    expect(lines).not.toContain("hunter2");
  });
});

describe("configuration that can't be used", () => {
  const bad = { JWT_SECRET: "hunter2", LOG_LEVEL: "error" };
  const asked = { "Access-Control-Request-Method": "POST" };

  it.each([
    ["a request of an origin", health({ Origin: "https://app.example" })],
    ["a request of none", health()],
    ["a preflight of an origin", health({ Origin: "https://app.example", ...asked }, "OPTIONS")],
    ["a preflight of none", health(asked, "OPTIONS")],
  ])("refuses %s with 503, which varies by origin", async (_, request) => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    const response = await withVariables(bad, request);
    log.mockRestore();
    expect([response.status, response.headers.get("vary")]).toEqual([503, "Origin"]);
  });
});

describe("the development SMS provider", () => {
  it("takes no code outside development, where nothing would be sent", async () => {
    const variables = { ENVIRONMENT: "production", SMS_PROVIDER: "dev", LOG_LEVEL: "error", LOG_FORMAT: "json" };
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    const send = apiRequest("/api/auth/send-otp", { json: { phone: newPhone(), purpose: "register" } });
    expect((await withVariables(variables, send)).status).toBe(503);
    expect((await withVariables(variables, health())).status).toBe(200);
    log.mockRestore();
  });
});

describe("logs", () => {
  async function linesOf(format: string, request: Request): Promise<string[]> {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    await withVariables({ LOG_LEVEL: "info", LOG_FORMAT: format }, request);
    const lines = log.mock.calls.map(([line]) => String(line));
    log.mockRestore();
    return lines;
  }

  it("have one event a request with the route's template, whatever the format", async () => {
    const request = () => new Request("http://api.test/api/images/img_1/content?sig=SECRET&exp=1");
    const [json, ...more] = await linesOf("json", request());
    expect(more).toEqual([]);
    expect(JSON.parse(json as string)).toMatchObject({
      level: "info",
      msg: "request",
      method: "GET",
      route: "/api/images/{id}/content",
      status: 403,
      code: "invalid_signature",
    });
    for (const format of ["json", "logfmt", "pretty"]) {
      const lines = await linesOf(format, request());
      expect(lines).toHaveLength(1);
      expect(lines[0]).not.toContain("SECRET");
    }
    const [unmatched] = await linesOf("json", new Request("http://api.test/nowhere"));
    expect(JSON.parse(unmatched as string)).toMatchObject({ route: "/*", status: 404, code: "not_found" });
  });
});

describe("cursors", () => {
  it("hold for one list, owner and filter, and can't be edited", async () => {
    const keyring = createKeyring(["a".repeat(32)]);
    const cursor = await encodeCursor(keyring, ["list", "usr_1", ""], "key");
    expect(await decodeCursor(keyring, ["list", "usr_1", ""], cursor)).toBe("key");
    for (const [scope, text] of [
      [["list", "usr_2", ""], cursor],
      [["list", "usr_1", "x"], cursor],
      [["list", "usr_1", ""], `${cursor}x`],
      [["list", "usr_1", ""], "bm9wZQ"],
      [["list", "usr_1", ""], "!"],
    ] as const) {
      await expect(decodeCursor(keyring, scope, text)).rejects.toMatchObject({ code: "invalid_cursor" });
    }
  });
});
