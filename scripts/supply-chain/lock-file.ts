/** What package-lock.json says, and what in it would let code in by another way than the registry and its checksums. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly inBundle?: boolean;
  readonly hasInstallScript?: boolean;
}

export interface LockFile {
  readonly lockfileVersion: number;
  /** By folder; "" is the project itself. */
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly overrides?: Readonly<Record<string, unknown>>;
  readonly workspaces?: readonly string[];
  /** Packages whose install scripts were looked at: true to run them, false not to. */
  readonly allowScripts?: Readonly<Record<string, boolean>>;
}

const REGISTRY = "https://registry.npmjs.org/";
const EXACT = /^\d+\.\d+\.\d+(?:-[\w.]+)?(?:\+[\w.]+)?$/;

/** The package in a folder of the lock file, such as `node_modules/a/node_modules/@b/c`; null for the project's own. */
export function nameOf(folder: string): string | null {
  const index = folder.lastIndexOf("node_modules/");
  return index < 0 ? null : folder.slice(index + "node_modules/".length);
}

/** Every package from outside, with its name and folder. */
export function packagesOf({ packages }: LockFile): (LockedPackage & { name: string; folder: string })[] {
  return Object.entries(packages).flatMap(([folder, locked]) => {
    const name = nameOf(folder);
    return name === null || locked.link ? [] : [{ ...locked, name, folder }];
  });
}

/** What is wrong with where packages come from, as sentences. */
export function lockFaults(lock: LockFile, allowScripts: Manifest["allowScripts"] = {}): string[] {
  const faults = lock.lockfileVersion === 3 ? [] : [`package-lock.json has version ${lock.lockfileVersion}, not 3`];
  for (const { name, folder, resolved, integrity, hasInstallScript } of packagesOf(lock)) {
    if (!integrity?.startsWith("sha512-")) faults.push(`${folder} has no SHA-512 checksum`);
    if (resolved !== undefined && !resolved.startsWith(REGISTRY)) faults.push(`${folder} comes from ${resolved}`);
    if (hasInstallScript && allowScripts[name] === undefined) {
      faults.push(`${folder} has an install script: look at it, then put ${name} into "allowScripts" of package.json`);
    }
  }
  return faults;
}

/** Dependencies of a package.json that are no exact version of the registry, as sentences. */
export function manifestFaults(path: string, manifest: Manifest): string[] {
  const { dependencies, devDependencies, optionalDependencies, overrides } = manifest;
  return [dependencies, devDependencies, optionalDependencies, overrides].flatMap((group = {}) =>
    Object.entries(group)
      .filter(([, wanted]) => !(typeof wanted === "string" && EXACT.test(wanted)))
      .map(([name, wanted]) => `${path} wants ${name} ${JSON.stringify(wanted)}, which is no exact version`),
  );
}

/** The project's package.json and those of its workspaces, by path. */
export async function readManifests(root: string): Promise<Map<string, Manifest>> {
  const read = async (path: string): Promise<Manifest> => JSON.parse(await readFile(join(root, path), "utf8"));
  const manifests = new Map([["package.json", await read("package.json")]]);
  for (const folder of manifests.get("package.json")?.workspaces ?? []) {
    manifests.set(`${folder}/package.json`, await read(`${folder}/package.json`));
  }
  return manifests;
}

export async function readLock(root: string): Promise<LockFile> {
  return JSON.parse(await readFile(join(root, "package-lock.json"), "utf8"));
}
