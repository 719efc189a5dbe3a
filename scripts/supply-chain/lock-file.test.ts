import { describe, expect, it } from "vitest";
import { type LockedPackage, type LockFile, lockFaults, manifestFaults, nameOf } from "./lock-file.ts";

const GOOD: LockedPackage = { version: "1.0.0", integrity: "sha512-abc=" };
const lockOf = (packages: Record<string, LockedPackage>): LockFile => ({ lockfileVersion: 3, packages });

describe("the lock file", () => {
  it("is right with a checksum for everything that comes from the registry", () => {
    const lock = lockOf({
      "": {},
      "clients/own": {},
      "node_modules/@own/client": { resolved: "clients/own", link: true },
      "node_modules/a": GOOD,
      "node_modules/a/node_modules/b": { ...GOOD, resolved: "https://registry.npmjs.org/b/-/b-1.0.0.tgz" },
    });
    expect(lockFaults(lock)).toEqual([]);
  });

  it.each([
    ["without a checksum", { version: "1.0.0" }, "has no SHA-512 checksum"],
    ["with a weak checksum", { integrity: "sha1-abc=" }, "has no SHA-512 checksum"],
    ["from git", { ...GOOD, resolved: "git+ssh://git@github.com/x/a.git#1" }, "comes from git+ssh:"],
    ["from a file", { ...GOOD, resolved: "file:../a" }, "comes from file:"],
    ["by plain HTTP", { ...GOOD, resolved: "http://registry.npmjs.org/a.tgz" }, "comes from http:"],
    ["from another host", { ...GOOD, resolved: "https://registry.npmjs.org.evil.test/a.tgz" }, "comes from https:"],
    ["with a new install script", { ...GOOD, hasInstallScript: true }, "has an install script"],
  ])("is refused with a package %s", (_, locked, fault) => {
    expect(lockFaults(lockOf({ "node_modules/a": locked }), { b: true })).toEqual([expect.stringContaining(fault)]);
  });

  it("is right with an install script that somebody has decided on, wherever the package lies", () => {
    const lock = lockOf({ "node_modules/x/node_modules/@a/b": { ...GOOD, hasInstallScript: true } });
    expect(lockFaults(lock, { "@a/b": false })).toEqual([]);
  });

  it("of an older version, without checksums for all, is refused", () => {
    expect(lockFaults({ lockfileVersion: 1, packages: {} })).toHaveLength(1);
  });
});

describe("a package.json", () => {
  it.each([
    "^1.0.0",
    "~1.0.0",
    "1",
    "*",
    "latest",
    "file:../a",
    "github:x/a",
    "npm:b@1.0.0",
    "https://x.test/a.tgz",
    "",
  ])("that wants %j is refused", (wanted) => {
    expect(manifestFaults("package.json", { dependencies: { a: wanted } })).toHaveLength(1);
    expect(manifestFaults("package.json", { devDependencies: { a: wanted } })).toHaveLength(1);
    expect(manifestFaults("package.json", { overrides: { a: wanted } })).toHaveLength(1);
  });

  it.each(["1.0.0", "5.20261023.2-beta", "1.0.0-rc.1"])("that wants exactly %s is right", (wanted) => {
    expect(manifestFaults("package.json", { dependencies: { a: wanted } })).toEqual([]);
  });
});

it("a package's name is that of the innermost folder, with its scope", () => {
  expect(["node_modules/a/node_modules/@b/c", "clients/own/node_modules/d", "clients/own"].map(nameOf)).toEqual([
    ...["@b/c", "d", null],
  ]);
});
