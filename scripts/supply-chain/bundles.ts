/** Whose code each Worker's bundle holds, compared with what was recorded. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, delimiter, join, resolve } from "node:path";
import { KIB, uploadBytes, WORKERS } from "../bundle-size.ts";

export const RECORD = "scripts/supply-chain/bundled-packages.json";
/** By how much a Worker may grow until somebody has to say that it was meant. */
export const TOLERANCE_KIB = 8;

export interface Bundle {
  /** Compressed, as it is uploaded. */
  readonly gzipKib: number;
  readonly packages: readonly string[];
}

export type Bundles = Readonly<Record<string, Bundle>>;

/** What is used of the description that esbuild writes of a bundle. */
export interface Metafile {
  readonly inputs: Readonly<Record<string, { readonly imports: readonly { readonly path: string }[] }>>;
  readonly outputs: Readonly<Record<string, { readonly inputs: Readonly<Record<string, { bytesInOutput: number }>> }>>;
}

/** The names of packages with code in a bundle, sorted. `readSource` reads an input, by its path in the metafile. */
export async function packagesIn(
  metafile: Metafile,
  readSource: (input: string) => Promise<string>,
): Promise<string[]> {
  const names = new Set<string>();
  for (const { inputs } of Object.values(metafile.outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
      const name = bytesInOutput > 0 ? packageOf(input) : null;
      if (name !== null) names.add(name);
    }
  }
  for (const [input, { imports }] of Object.entries(metafile.inputs)) {
    const modules = imports.map(({ path }) => basename(path)).filter((file) => file.endsWith(".wasm"));
    if (modules.length === 0) continue;
    const source = await readSource(input);
    for (const module of modules)
      names.add(moduleOwner(source, module) ?? packageOf(input) ?? `of ${input}: ${module}`);
  }
  return [...names].toSorted();
}

function packageOf(path: string): string | null {
  return /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? null;
}

/** Modules are uploaded as `<hash>-<name>`, beside the bundle; the import names the package. */
function moduleOwner(source: string, module: string): string | null {
  const name = module.replace(/^[0-9a-f]{40}-/, "");
  const specifiers = Array.from(source.matchAll(/["']((?:@[\w.-]+\/)?[\w-][\w.-]*)\/([^"']+\.wasm)["']/g));
  return specifiers.find(([, , path = ""]) => basename(path) === name)?.[1] ?? null;
}

/** Builds every Worker as a deployment would. @throws {Error} with wrangler's words when a build fails. */
export async function buildBundles(root: string): Promise<Bundles> {
  const built: Record<string, Bundle> = {};
  for (const { name, config } of WORKERS) {
    const folder = await mkdtemp(join(tmpdir(), `ai-styler-${name}-`));
    try {
      built[name] = await build(root, config, folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return built;
}

async function build(root: string, config: string, folder: string): Promise<Bundle> {
  const [outdir, metafile] = [join(folder, "out"), join(folder, "meta.json")];
  const cli = join(root, "node_modules/wrangler/wrangler-dist/cli.js");
  const args = ["--no-warnings", cli, "deploy", "--dry-run", "--outdir", outdir, "--metafile", metafile, "-c", config];
  const PATH = [join(root, "node_modules/.bin"), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH, WRANGLER_SEND_METRICS: "false", FORCE_COLOR: "0", CI: "1" };
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"], timeout: 120_000 });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`wrangler deploy --dry-run -c ${config} failed\n${output}`);
  const meta: Metafile = JSON.parse(await readFile(metafile, "utf8"));
  const base = resolve(root, config, "..");
  const packages = await packagesIn(meta, (input) => readFile(resolve(base, input), "utf8"));
  return { gzipKib: Math.round(uploadBytes(outdir) / KIB), packages };
}

/** What differs from the record in a way that somebody should look at, as sentences. */
export function bundleFaults(built: Bundles, recorded: Bundles): string[] {
  const faults = Object.entries(built).flatMap(([worker, { gzipKib, packages }]) => {
    const before = recorded[worker] ?? { gzipKib: 0, packages: [] };
    const come = packages
      .filter((name) => !before.packages.includes(name))
      .map((name) => `${worker} now holds ${name}`);
    const gone = before.packages.filter((name) => !packages.includes(name)).map((name) => `${worker} lost ${name}`);
    const grew =
      gzipKib > before.gzipKib + TOLERANCE_KIB ? [`${worker} grew from ${before.gzipKib} to ${gzipKib} KiB`] : [];
    return [...come, ...gone, ...grew];
  });
  return faults.map((fault) => `${fault}: if that is meant, run npm run supply-chain -- --write`);
}
