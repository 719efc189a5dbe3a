/** The OpenAPI document as the api Worker serves it, and redocly's opinion of it. */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./stack-env.ts";

export async function fetchDocument(url: string): Promise<string> {
  const response = await fetch(`${url}/api/docs/openapi.json`);
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  return `${JSON.stringify(await response.json(), null, 2)}\n`;
}

/** Lints a document with redocly's recommended rules. `null` when there is no error, otherwise what it says. */
export async function lintDocument(document: string): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), "ai-styler-openapi-"));
  try {
    const file = join(folder, "openapi.json");
    await writeFile(file, document);
    const redocly = join(ROOT, "node_modules/@redocly/cli/bin/cli.js");
    const lint = spawnSync(process.execPath, [redocly, "lint", file, "--extends", "recommended"], {
      cwd: folder,
      encoding: "utf8",
      timeout: 120_000,
      env: { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true", NO_COLOR: "1" },
    });
    return lint.status === 0 ? null : `${lint.stdout}\n${lint.stderr}`.trim();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
