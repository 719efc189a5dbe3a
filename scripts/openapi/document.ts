/** The OpenAPI document: what the routes of the app say of themselves, and what only readers of it need. */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { completeDocument } from "./complete.ts";
import type { OpenApiDocument } from "./types.ts";

const INFO = {
  openapi: "3.1.0",
  info: {
    title: "AI Styler",
    version: "1.0.0",
    summary: "Restyle a photo, or try a garment on.",
    description:
      "Sign up with a phone number, upload a photo and ask for a conversion; the result comes back as an image. " +
      "Errors are `application/problem+json` (RFC 9457) with a stable `code`; `x-codes` lists those of an answer. " +
      "Every `GET` answers `HEAD`, too.",
    license: { name: "MIT", identifier: "MIT" },
  },
  servers: [{ url: "/", description: "This deployment" }],
  tags: [
    { name: "Auth", description: "Signing up and in by phone." },
    { name: "Users", description: "The signed-in user." },
    { name: "Images", description: "Pictures to convert, and results." },
    { name: "Conversions", description: "Restyling and trying on." },
    { name: "Admin", description: "For administrators." },
    { name: "Operations", description: "For those who run the service." },
    { name: "Development", description: "Only in development." },
  ],
};

const APP = new URL("../../src/app.ts", import.meta.url).href;

interface AppModule {
  createApp(): { getOpenAPI31Document(info: object): OpenApiDocument };
}

/** What the platform brings along; the routes are only read here, not run. */
const PLATFORM = "data:text/javascript,export const tracing = undefined;";

/** JSON as the bundler takes it: its names can be imported one by one. */
function asModule(url: string): string {
  const value = JSON.parse(readFileSync(new URL(url), "utf8")) as object;
  const named = Object.entries(value).filter(([name]) => /^[a-z]\w*$/i.test(name));
  const exports = named.map(
    ([name, part]) => `const _${name} = ${JSON.stringify(part)}; export { _${name} as ${name} };`,
  );
  return `data:text/javascript,${encodeURIComponent(exports.join("\n"))}`;
}

/** The document of the app as its source stands, as text. */
export async function generateDocument(): Promise<string> {
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      if (specifier === "cloudflare:workers") return { url: PLATFORM, shortCircuit: true };
      const found = next(specifier, context);
      return found.url.endsWith(".json") ? { url: asModule(found.url), shortCircuit: true } : found;
    },
  });
  try {
    // Not by a literal: the scripts are checked with Node's types, the app with those of Workers.
    const { createApp } = (await import(APP)) as AppModule;
    return `${JSON.stringify(completeDocument(createApp().getOpenAPI31Document(INFO)), null, 2)}\n`;
  } finally {
    hooks.deregister();
  }
}
