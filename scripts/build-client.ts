/**
 * `npm run build:client`: writes what is generated from docs/openapi.json, the types of the TypeScript client and the
 * Postman collection. `--check` fails when they are out of date instead.
 */
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { collectionOf } from "./collection.ts";
import type { OpenApiDocument } from "./collection-examples.ts";

const root = join(import.meta.dirname, "..");
const CLIENT = join(root, "clients/typescript");
const HEADER = "/** Generated from docs/openapi.json by `npm run build:client`. */\n\n";

/** What is used of the packages that only the client's folder has. */
interface OpenApiTypescript {
  default(document: OpenApiDocument, options: object): Promise<object[]>;
  astToString(nodes: object[]): string;
}
interface TypeScript {
  readonly factory: { createTypeReferenceNode(name: string): object };
}

/** Its own TypeScript, version 5, is beside it: the compiler of the rest of the project has no such API. */
async function schemaTypes(document: OpenApiDocument): Promise<string> {
  const require = createRequire(join(CLIENT, "package.json"));
  const openapiTypescript: OpenApiTypescript = require("openapi-typescript");
  const ts: TypeScript = require("typescript");
  const blob = ts.factory.createTypeReferenceNode("Blob");
  const transform = (schema: { format?: string }) => (schema.format === "binary" ? blob : undefined);
  const nodes = await openapiTypescript.default(document, { transform, defaultNonNullable: false });
  return HEADER + openapiTypescript.astToString(nodes);
}

const document: OpenApiDocument = JSON.parse(await readFile(join(root, "docs/openapi.json"), "utf8"));
const files = {
  "clients/typescript/src/schema.d.ts": await schemaTypes(document),
  "clients/postman/ai-styler.postman_collection.json": `${JSON.stringify(collectionOf(document), null, 2)}\n`,
};

for (const [path, text] of Object.entries(files)) {
  if (!process.argv.includes("--check")) await writeFile(join(root, path), text);
  else if ((await readFile(join(root, path), "utf8").catch(() => "")) !== text) {
    process.stderr.write(`${path} is out of date: run npm run build:client\n`);
    process.exitCode = 1;
  }
}
