/** Fails on any wrangler.json or wrangler.jsonc: it would silently win over the wrangler.toml beside it. */
import { readdirSync } from "node:fs";
import { join, relative } from "node:path";

const root = join(import.meta.dirname, "..");
const SKIPPED = new Set(["node_modules", ".git", ".wrangler", "coverage", "demo-output"]);

function find(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : find(path);
    return /^wrangler\.jsonc?$/.test(entry.name) ? [relative(root, path)] : [];
  });
}

const strays = find(root);
if (strays.length > 0) {
  process.stderr.write(`Remove ${strays.join(", ")}: it would win silently over wrangler.toml.\n`);
  process.exit(1);
}
