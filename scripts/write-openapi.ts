/** Writes (or with --check compares) docs/openapi.json, as a running api serves it; lints it; looks at the samples. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fetchDocument, lintDocument } from "./openapi.ts";
import { freePort, StackError, startStack } from "./stack.ts";
import { newSecret, ROOT } from "./stack-env.ts";

const FILE = join(ROOT, "docs/openapi.json");

async function withStack<T>(use: (url: string) => Promise<T>): Promise<T> {
  const stateDir = await mkdtemp(join(tmpdir(), "ai-styler-docs-"));
  const env = { ENVIRONMENT: "development", JWT_SECRET: newSecret() };
  const stack = await startStack({ port: await freePort(), stateDir, env });
  try {
    await stack.ready(90_000);
    return await use(stack.url);
  } finally {
    await stack.stop();
    await rm(stateDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The sample pictures of `GET /api/styles` that are not there. */
async function missingSamples(url: string): Promise<string[]> {
  const response = await fetch(`${url}/api/styles?limit=100`);
  if (!response.ok) return [`GET /api/styles answered ${response.status}`];
  const { items } = (await response.json()) as { items: { id: string; sampleUrl: string }[] };
  const missing = await Promise.all(
    items.map(async ({ sampleUrl }) => {
      const sample = await fetch(new URL(sampleUrl, url));
      await sample.arrayBuffer();
      const isPicture = sample.ok && sample.headers.get("content-type")?.startsWith("image/");
      return isPicture ? [] : [`${sampleUrl} answered ${sample.status}`];
    }),
  );
  return missing.flat();
}

async function problems(url: string): Promise<string[]> {
  const document = await fetchDocument(url);
  const lint = await lintDocument(document);
  const found = [...(lint === null ? [] : [lint]), ...(await missingSamples(url))];
  if (!process.argv.includes("--check")) await writeFile(FILE, document);
  else if ((await readFile(FILE, "utf8").catch(() => "")) !== document) {
    found.push("docs/openapi.json is not what the api serves: run `node scripts/write-openapi.ts`");
  }
  return found;
}

try {
  const found = await withStack(problems);
  for (const problem of found) process.stderr.write(`${problem}\n`);
  process.exit(found.length === 0 ? 0 : 1);
} catch (error) {
  if (error instanceof StackError) {
    for (const { source, text } of error.logs.slice(-20)) process.stderr.write(`${source.padEnd(8)} ${text}\n`);
  }
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
