/**
 * Prometheus' own programs, for the tests of what is written for Prometheus: those on the PATH, else those fetched
 * before, else those of Debian's or Ubuntu's package, which needs no root and installs nothing.
 */
import { execFile } from "node:child_process";
import { access, constants, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "../stack-env.ts";

export interface PrometheusBinaries {
  readonly prometheus: string;
  readonly promtool: string;
}

export type PrometheusSearch =
  | { readonly binaries: PrometheusBinaries; readonly missing: null }
  /** Why there is none. */
  | { readonly binaries: null; readonly missing: string };

const PROGRAMS = ["prometheus", "promtool"] as const;
const PACKAGE = "prometheus";
const CACHE = join(ROOT, ".cache");
const DOWNLOAD_TIMEOUT_MS = 60_000;
const TIMEOUT_MS = 10_000;

const run = promisify(execFile);

export interface SearchOptions {
  readonly cacheDir?: string;
  readonly path?: string | undefined;
  /** Puts the package into a folder. @throws {Error} when it can't be had. */
  readonly download?: (folder: string) => Promise<void>;
}

/** Never throws. Two that search at once may both fetch; one of the copies stays. */
export async function findPrometheus(options: SearchOptions = {}): Promise<PrometheusSearch> {
  const { cacheDir = CACHE, path = process.env.PATH, download = downloadPackage } = options;
  const kept = join(cacheDir, "prometheus");
  const folders = (path ?? "").split(delimiter).filter((folder) => folder !== "");
  const found = (await lookIn(folders)) ?? (await lookIn([kept]));
  if (found !== null) return { binaries: found, missing: null };
  try {
    await fetchPackage(cacheDir, kept, download);
  } catch (error) {
    return { binaries: null, missing: `prometheus and promtool are not on the PATH, and ${reason(error)}` };
  }
  const fetched = await lookIn([kept]);
  if (fetched !== null) return { binaries: fetched, missing: null };
  return { binaries: null, missing: `${kept} has no prometheus and promtool that run here` };
}

function reason(error: unknown): string {
  const { message, stderr } = error as Error & { stderr?: string };
  return `their Debian package could not be fetched: ${(stderr || message).trim().split("\n").at(-1)}`;
}

/** Both programs, each from the first folder that has it and where it runs. */
async function lookIn(folders: readonly string[]): Promise<PrometheusBinaries | null> {
  const [prometheus, promtool] = await Promise.all(PROGRAMS.map((program) => firstThatRuns(folders, program)));
  return prometheus && promtool ? { prometheus, promtool } : null;
}

async function firstThatRuns(folders: readonly string[], program: string): Promise<string | null> {
  for (const folder of folders) {
    const file = join(folder, program);
    try {
      await access(file, constants.X_OK);
      await run(file, ["--version"], { timeout: TIMEOUT_MS });
      return file;
    } catch {
      // The next folder may have one.
    }
  }
  return null;
}

/** The programs alone are put in place, by one rename: whoever looks there sees both or none. */
async function fetchPackage(
  cacheDir: string,
  kept: string,
  download: (folder: string) => Promise<void>,
): Promise<void> {
  await mkdir(cacheDir, { recursive: true });
  const work = await mkdtemp(join(cacheDir, "prometheus-fetch-"));
  try {
    await download(work);
    const archive = (await readdir(work)).find((file) => file.endsWith(".deb"));
    if (archive === undefined) throw new Error("apt-get left no package");
    await run("dpkg-deb", ["-x", join(work, archive), join(work, "package")], { timeout: DOWNLOAD_TIMEOUT_MS });
    const programs = join(work, "programs");
    await mkdir(programs);
    for (const program of PROGRAMS) await rename(join(work, "package/usr/bin", program), join(programs, program));
    await putInPlace(programs, kept);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Where somebody else was faster, theirs are as good. */
async function putInPlace(programs: string, kept: string): Promise<void> {
  await rename(programs, kept).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  });
}

/** By the package lists of the machine; where they are missing or too old, by lists of our own. */
async function downloadPackage(work: string): Promise<void> {
  const limits = ["-o", "Acquire::http::Timeout=15", "-o", "Acquire::https::Timeout=15", "-o", "APT::Sandbox::User="];
  const apt = (...args: string[]) =>
    run("apt-get", ["-q", ...limits, ...args], { cwd: work, timeout: DOWNLOAD_TIMEOUT_MS });
  try {
    await apt("download", PACKAGE);
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw new Error("there is no apt-get here");
  }
  const own = ["-o", `Dir::State::lists=${join(work, "lists")}`, "-o", `Dir::Cache=${join(work, "apt-cache")}`];
  await Promise.all(
    ["lists/partial", "apt-cache/archives/partial"].map((d) => mkdir(join(work, d), { recursive: true })),
  );
  await apt(...own, "update");
  await apt(...own, "download", PACKAGE);
}
