/** Writes (or with --check compares) docs/openapi.json, lints it, and looks at the samples. */
import { access, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { STYLE_PRESETS } from "../src/modules/conversions/style-presets.ts";
import { generateDocument } from "./openapi/document.ts";
import { lintDocument } from "./openapi.ts";
import { ROOT } from "./stack-env.ts";

const FILE = join(ROOT, "docs/openapi.json");

/** The sample pictures of `GET /api/styles` that are not there. */
async function missingSamples(): Promise<string[]> {
  const missing = await Promise.all(
    STYLE_PRESETS.map(async ({ id }) => {
      const file = `public/api/styles/samples/${id}.jpg`;
      const isThere = await access(join(ROOT, file)).then(
        () => true,
        () => false,
      );
      return isThere ? [] : [`${file} is missing: run \`node scripts/make-style-samples.ts\``];
    }),
  );
  return missing.flat();
}

const document = await generateDocument();
const lint = await lintDocument(document);
const found = [...(lint === null ? [] : [lint]), ...(await missingSamples())];
if (!process.argv.includes("--check")) await writeFile(FILE, document);
else if ((await readFile(FILE, "utf8").catch(() => "")) !== document) {
  found.push("docs/openapi.json is not what the routes say: run `node scripts/write-openapi.ts`");
}
for (const problem of found) process.stderr.write(`${problem}\n`);
process.exit(found.length === 0 ? 0 : 1);
