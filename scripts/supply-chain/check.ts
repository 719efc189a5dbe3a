/**
 * `npm run supply-chain`: what comes from others, and what must not get out. `--write` writes docs/licences.md,
 * docs/third-party-notices.txt and bundled-packages.json anew where the check would tell that they are out of date.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type AuditException, askNpm, auditOutcome } from "./advisories.ts";
import { type Bundles, buildBundles, bundleFaults, RECORD } from "./bundles.ts";
import { licenceFaults, licencesPage, licensedPackages } from "./licences.ts";
import { lockFaults, manifestFaults, readLock, readManifests } from "./lock-file.ts";
import { noticesOf } from "./notices.ts";
import { findSecrets, trackedFiles } from "./secrets.ts";
import { workflowFaults } from "./workflows.ts";

const root = join(import.meta.dirname, "../..");
const writes = process.argv.includes("--write");
/** Beside the Workers' bundles: what browsers are served, and what the client needs. */
const OTHERWISE_SHIPPED = { "swagger-ui-dist": ["/api/docs"], "openapi-fetch": ["the TypeScript client"] };

const text = (path: string) => readFile(join(root, path), "utf8");
const faults: string[] = [];

/** One line for each check, and one for each thing that is wrong. */
function tell(name: string, found: readonly string[], good: string): void {
  process.stdout.write(`${name}: ${found.length === 0 ? good : `${found.length} to look at`}\n`);
  for (const fault of found) process.stdout.write(`  ${fault}\n`);
  faults.push(...found);
}

/** Writes a generated file, or says that it is out of date. */
async function keep(path: string, content: string): Promise<string[]> {
  if (writes) await writeFile(join(root, path), content);
  const same = (await text(path).catch(() => "")) === content;
  return same ? [] : [`${path} is out of date: run npm run supply-chain -- --write`];
}

async function checkLock(): Promise<void> {
  const manifests = await readManifests(root);
  const found = lockFaults(await readLock(root), manifests.get("package.json")?.allowScripts);
  for (const [path, manifest] of manifests) found.push(...manifestFaults(path, manifest));
  tell("lock file", found, "every package has a checksum, an exact version and no unknown install script");
}

async function checkWorkflows(): Promise<void> {
  const folder = ".github/workflows";
  const files = (await readdir(join(root, folder))).filter((file) => /\.ya?ml$/.test(file));
  const found = await Promise.all(files.map(async (file) => workflowFaults(file, await text(`${folder}/${file}`))));
  tell("workflows", found.flat(), `${files.length} with pinned actions and permissions of their own`);
}

async function checkBundles(): Promise<Bundles> {
  const built = await buildBundles(root);
  if (writes) await writeFile(join(root, RECORD), `${JSON.stringify(built, null, 2)}\n`);
  const found = bundleFaults(built, JSON.parse(await text(RECORD).catch(() => "{}")));
  const sizes = Object.entries(built).map(
    ([name, { gzipKib, packages }]) => `${name} ${packages.length} packages, ${gzipKib} KiB`,
  );
  tell("bundles", found, sizes.join("; "));
  return built;
}

async function checkLicences(built: Bundles): Promise<void> {
  const shippedIn = new Map<string, string[]>(Object.entries(OTHERWISE_SHIPPED));
  for (const [worker, { packages }] of Object.entries(built)) {
    for (const name of packages) shippedIn.set(name, [...(shippedIn.get(name) ?? []), worker]);
  }
  const packages = await licensedPackages(root, await readLock(root));
  const found = licenceFaults(packages, new Set(shippedIn.keys()));
  found.push(...(await keep("docs/licences.md", licencesPage(packages, shippedIn))));
  const notices = await noticesOf(root, [...shippedIn.keys()].toSorted());
  found.push(...(await keep("docs/third-party-notices.txt", notices)));
  tell("licences", found, `${packages.length} packages, ${shippedIn.size} of them shipped, all accepted`);
}

async function checkSecrets(): Promise<void> {
  const paths = await trackedFiles(root);
  tell("secrets", await findSecrets(root, root, paths), `none in ${paths.length} files`);
}

async function checkAdvisories(): Promise<void> {
  const exceptions: AuditException[] = JSON.parse(await text("scripts/supply-chain/audit-exceptions.json"));
  const outcome = auditOutcome(await askNpm(root), exceptions, new Date().toISOString().slice(0, 10));
  if (!("skipped" in outcome)) tell("advisories", outcome.faults, "npm knows none for what runs");
  else if (process.env.REQUIRE_ADVISORIES) tell("advisories", [`not checked: ${outcome.skipped}`], "");
  else process.stdout.write(`advisories: NOT CHECKED, ${outcome.skipped}\n`);
}

await checkLock();
await checkWorkflows();
const advisories = checkAdvisories();
await checkSecrets();
await checkLicences(await checkBundles());
await advisories;
process.exitCode = faults.length === 0 ? 0 : 1;
