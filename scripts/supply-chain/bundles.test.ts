import { describe, expect, it } from "vitest";
import { bundleFaults, type Metafile, packagesIn, TOLERANCE_KIB } from "./bundles.ts";

const RECORDED = { api: { gzipKib: 100, packages: ["a", "@b/c"] } };

describe("the packages of a bundle", () => {
  const wasm = (path: string) => ({ imports: [{ path }] });
  const none = { imports: [] };
  const metafile: Metafile = {
    inputs: {
      "src/codec.ts": wasm(`./${"0".repeat(40)}-enc.wasm`),
      "../node_modules/@d/e/module.js": wasm(`./${"1".repeat(40)}-own.wasm`),
      "../node_modules/a/index.js": none,
    },
    outputs: {
      "index.js": {
        inputs: {
          "src/main.ts": { bytesInOutput: 10 },
          "../node_modules/a/index.js": { bytesInOutput: 5 },
          "../node_modules/x/node_modules/@b/c/lib/index.js": { bytesInOutput: 1 },
          "../node_modules/shaken-off/index.js": { bytesInOutput: 0 },
        },
      },
    },
  };
  const sources: Record<string, string> = {
    "src/codec.ts": 'import dec from "@f/g/codec/dec.wasm";\nimport enc from "@f/h/codec/enc.wasm";',
    "../node_modules/@d/e/module.js": 'import own from "./own.wasm";',
  };

  it("are those with code in it, nested ones and those with a WebAssembly module too, and no others", async () => {
    const names = await packagesIn(metafile, async (input) => sources[input] ?? "");
    expect(names).toEqual(["@b/c", "@d/e", "@f/h", "a"]);
  });
});

describe("a bundle", () => {
  const check = (gzipKib: number, ...packages: string[]) => bundleFaults({ api: { gzipKib, packages } }, RECORDED);

  it("is right as it was recorded, smaller, or larger by the tolerance", () => {
    for (const size of [100, 50, 100 + TOLERANCE_KIB]) expect(check(size, "a", "@b/c")).toEqual([]);
  });

  it("that gains a package is refused until that is recorded", () => {
    expect(check(100, "a", "@b/c", "left-pad")).toEqual([expect.stringContaining("api now holds left-pad")]);
  });

  it("that loses a package is refused, so that its return is noticed", () => {
    expect(check(100, "a")).toEqual([expect.stringContaining("api lost @b/c")]);
  });

  it("that grows by more than the tolerance is refused", () => {
    expect(check(101 + TOLERANCE_KIB, "a", "@b/c")).toEqual([expect.stringContaining("api grew from 100 to")]);
  });

  it("of a Worker that nothing was recorded of is refused", () => {
    expect(bundleFaults({ other: { gzipKib: 20, packages: ["a"] } }, RECORDED)).toHaveLength(2);
  });
});
