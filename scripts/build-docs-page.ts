/** Copies the OpenAPI document, and Swagger UI from npm, into the Worker's assets, with a page that a strict CSP allows. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "..");
const source = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
const target = join(root, "public/api/docs");

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>AI Styler API</title>
<link rel="icon" href="/api/docs/favicon-32x32.png">
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/init.js"></script>
</body>
</html>
`;

const INIT = `SwaggerUIBundle({
  url: "/api/docs/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
});
`;

/** Leaves a file alone that is right already: a running dev server reloads whenever an asset is written. */
async function write(file: string, content: Buffer): Promise<void> {
  const present = await readFile(join(target, file)).catch(() => null);
  if (present === null || !present.equals(content)) await writeFile(join(target, file), content);
}

await mkdir(target, { recursive: true });
for (const file of ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"]) {
  await write(file, await readFile(join(source, file)));
}
await write("index.html", Buffer.from(PAGE));
await write("init.js", Buffer.from(INIT));
await write("openapi.json", await readFile(join(root, "docs/openapi.json")));
