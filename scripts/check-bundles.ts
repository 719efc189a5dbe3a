/** Builds each Worker as a deployment would and fails on one that is larger than its budget. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { gzipSync } from "node:zlib";

const root = join(import.meta.dirname, "..");
const KIB = 1024;
/** The api's is a matter of start-up time; the others stay well below the 3 MiB that the free plan allows. */
const WORKERS = [
  { name: "api", config: "wrangler.toml", budget: 300 * KIB },
  { name: "consumer", config: "src/workers/consumer/wrangler.toml", budget: 1_500 * KIB },
  { name: "hasher", config: "src/workers/hasher/wrangler.toml", budget: 300 * KIB },
  { name: "tail", config: "src/workers/tail/wrangler.toml", budget: 300 * KIB },
];

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

/** The modules that are uploaded, each compressed by itself: source maps and wrangler's note don't count. */
function uploadBytes(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.name.endsWith(".map") && entry.name !== "README.md",
  );
  return files.reduce((sum, entry) => sum + gzipSync(readFileSync(join(entry.parentPath, entry.name))).length, 0);
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
