/** The Workers as they are uploaded, and how large each may be. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

export const KIB = 1024;

/** The api's is a matter of start-up time; the others stay well below the 3 MiB that the free plan allows. */
export const WORKERS = [
  { name: "api", config: "wrangler.toml", budget: 300 * KIB },
  { name: "consumer", config: "src/workers/consumer/wrangler.toml", budget: 1_500 * KIB },
  { name: "hasher", config: "src/workers/hasher/wrangler.toml", budget: 300 * KIB },
  { name: "tail", config: "src/workers/tail/wrangler.toml", budget: 300 * KIB },
] as const;

/**
 * Bytes of the modules in a folder that `wrangler deploy --dry-run` filled, each compressed by itself: source maps and
 * wrangler's note don't count.
 */
export function uploadBytes(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.name.endsWith(".map") && entry.name !== "README.md",
  );
  return files.reduce((sum, entry) => sum + gzipSync(readFileSync(join(entry.parentPath, entry.name))).length, 0);
}
