import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findPrometheus } from "./binaries.ts";

const run = promisify(execFile);
const hasDpkg = await run("dpkg-deb", ["--version"]).then(
  () => true,
  () => false,
);

let dir: string;
let cacheDir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "ai-styler-prometheus-"));
  cacheDir = join(dir, "cache");
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function program(folder: string, name: string, script = "exit 0"): Promise<string> {
  const file = join(folder, name);
  await mkdir(folder, { recursive: true });
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return file;
}

/** A package of the same form with two small programs. */
async function packProgram(folder: string): Promise<void> {
  const tree = await mkdtemp(join(dir, "tree-"));
  await mkdir(join(tree, "DEBIAN"));
  const control = [
    "Package: prometheus",
    "Version: 1",
    "Architecture: all",
    "Maintainer: a <a@b.c>",
    "Description: a",
    "",
  ];
  await writeFile(join(tree, "DEBIAN/control"), control.join("\n"));
  for (const name of ["prometheus", "promtool", "other"]) await program(join(tree, "usr/bin"), name);
  await run("dpkg-deb", ["-b", tree, join(folder, "prometheus_1_all.deb")]);
}

const noDownload = async () => {
  throw new Error("the network\nis down");
};

it("those on the PATH are taken, each from the first folder where it runs", async () => {
  await program(join(dir, "broken"), "prometheus", "exit 1");
  const prometheus = await program(join(dir, "one"), "prometheus");
  const promtool = await program(join(dir, "other"), "promtool");
  await program(join(dir, "last"), "prometheus");
  const path = ["", "/no/such/folder", ...["broken", "one", "other", "last"].map((name) => join(dir, name))].join(":");
  const search = await findPrometheus({ cacheDir, path, download: noDownload });
  expect(search).toEqual({ binaries: { prometheus, promtool }, missing: null });
});

it("where they can't be had it says why, and leaves nothing behind", async () => {
  const { binaries, missing } = await findPrometheus({ cacheDir, path: "", download: noDownload });
  expect(binaries).toBeNull();
  expect(missing).toMatch(/not on the PATH.*could not be fetched: is down$/);
  expect(await readdir(cacheDir)).toEqual([]);
});

it.skipIf(!hasDpkg)("those that several fetch at once are whole, fetched once for all later ones", async () => {
  const kept = join(cacheDir, "prometheus");
  const binaries = { prometheus: join(kept, "prometheus"), promtool: join(kept, "promtool") };
  const search = () => findPrometheus({ cacheDir, path: "", download: packProgram });
  for (const found of await Promise.all([search(), search(), search()])) {
    expect(found).toEqual({ binaries, missing: null });
  }
  expect(await readdir(cacheDir)).toEqual(["prometheus"]);
  expect((await readdir(kept)).sort()).toEqual(["prometheus", "promtool"]);
  expect(await findPrometheus({ cacheDir, path: "", download: noDownload })).toEqual({ binaries, missing: null });
});
