/** Builds each Worker as a deployment would and fails on one that is larger than its budget. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { KIB, uploadBytes, WORKERS } from "./bundle-size.ts";

const root = join(import.meta.dirname, "..");

function build(config: string, outdir: string): void {
  const cli = join(root, "node_modules/wrangler/wrangler-dist/cli.js");
  const args = ["--no-warnings", cli, "deploy", "--dry-run", "--outdir", outdir, "-c", config];
  const PATH = [join(root, "node_modules/.bin"), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH, WRANGLER_SEND_METRICS: "false", FORCE_COLOR: "0", CI: "1" };
  const result = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8", timeout: 120_000, env });
  if (result.status === 0) return;
  process.stderr.write(`wrangler deploy --dry-run -c ${config} failed\n${result.stdout}\n${result.stderr}\n`);
  process.exit(1);
}

for (const { name, config, budget } of WORKERS) {
  const outdir = mkdtempSync(join(tmpdir(), `ai-styler-${name}-`));
  try {
    build(config, outdir);
    const bytes = uploadBytes(outdir);
    process.stdout.write(`${name}: ${(bytes / KIB).toFixed(0)} of ${budget / KIB} KiB gzip\n`);
    if (bytes > budget) process.exitCode = 1;
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}
