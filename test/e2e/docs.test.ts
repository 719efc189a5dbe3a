import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fetchDocument, lintDocument } from "../../scripts/openapi.ts";
import { startTestStack, type TestStack } from "./support/stack.ts";

function directives(policy: string | null): Map<string, string[]> {
  const parts = (policy ?? "").split(";").map((directive) => directive.trim().split(/\s+/));
  return new Map(parts.map(([name = "", ...values]) => [name, values]));
}

describe("the documentation", () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startTestStack();
  });
  afterAll(() => stack?.close());

  it("comes with a policy that runs the Worker's own scripts and nothing inline", async () => {
    const page = await fetch(`${stack.url}/api/docs`);
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toContain("text/html");
    const policy = directives(page.headers.get("content-security-policy"));
    expect(policy.get("default-src")).toEqual(["'none'"]);
    expect(policy.get("script-src")).toEqual(["'self'"]);
    expect(policy.get("frame-ancestors")).toEqual(["'none'"]);
    expect(policy.get("base-uri")).toEqual(["'none'"]);
    const html = await page.text();
    expect(html.match(/<script(?![^>]*\ssrc=)/g)).toBeNull();
    expect(html.match(/\son\w+=/g)).toBeNull();
  });

  it("serves every asset the page asks for, with its type and nosniff", async () => {
    const html = await (await fetch(`${stack.url}/api/docs`)).text();
    const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? "");
    expect(assets.length).toBeGreaterThanOrEqual(3);
    for (const path of assets) {
      const asset = await fetch(new URL(path, stack.url));
      await asset.arrayBuffer();
      expect(asset.status, path).toBe(200);
      expect(asset.headers.get("x-content-type-options"), path).toBe("nosniff");
      const type = path.endsWith(".js") ? "javascript" : path.endsWith(".css") ? "css" : "image";
      expect(asset.headers.get("content-type"), path).toContain(type);
    }
  });

  it("describes the API in an OpenAPI 3.1 document that redocly's recommended rules accept", async () => {
    const document = await fetchDocument(stack.url);
    expect(JSON.parse(document)).toMatchObject({ openapi: expect.stringMatching(/^3\.1\./) });
    expect(await lintDocument(document)).toBeNull();
  });
});
