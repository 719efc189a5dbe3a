import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "..");

/** Whether the project's lint rules refuse one import in a file at `path`. */
function refuses(path: string, specifier: string): boolean {
  const folder = mkdtempSync(join(tmpdir(), "layers-"));
  try {
    copyFileSync(join(root, "biome.json"), join(folder, "biome.json"));
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), `import { thing } from "${specifier}";\n\nexport const used = thing;\n`);
    const args = ["lint", "--colors=off", "--vcs-enabled=false", path];
    const result = spawnSync(join(root, "node_modules/.bin/biome"), args, { cwd: folder, encoding: "utf8" });
    const output = `${result.stdout}${result.stderr}`;
    expect(output).toContain("Checked 1 file");
    return output.includes("noRestrictedImports");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

it.each([
  ["the kernel from a module", "src/kernel/x.ts", "../modules/images/index.ts"],
  ["the kernel from a framework", "src/kernel/x.ts", "hono"],
  ["a port from the database", "src/ports/x.ts", "drizzle-orm"],
  ["a verb from HTTP", "src/modules/images/service/x.ts", "../../../http/problem.ts"],
  ["a verb from Hono", "src/modules/images/service/x.ts", "hono"],
  ["a verb from the database", "src/modules/images/service/x.ts", "../../../db/d1/atomic.ts"],
  ["a verb from another module's inside", "src/modules/conversions/service/x.ts", "../../images/repository.ts"],
  ["a module's root from another module's inside", "src/modules/conversions/x.ts", "../images/repository.ts"],
  ["a route from a provider", "src/modules/images/routes/x.ts", "../../../providers/cloudflare/r2-object-store.ts"],
  ["a provider from the composition", "src/providers/x/y.ts", "../../composition/config.ts"],
  ["the database from a verb", "src/db/d1/repositories/x.ts", "../../../modules/images/service/get-image.ts"],
])("the linter keeps %s", (_what, path, specifier) => {
  expect(refuses(path, specifier)).toBe(true);
});

it.each([
  ["src/modules/conversions/service/x.ts", "../../images/index.ts"],
  ["src/modules/conversions/x.ts", "../images/index.ts"],
  ["src/modules/images/service/x.ts", "../../../kernel/ids.ts"],
  ["src/db/d1/repositories/x.ts", "../../../modules/images/repository.ts"],
])("the linter lets %s import %s", (path, specifier) => {
  expect(refuses(path, specifier)).toBe(false);
});

it("names the Workers' environments only where requests enter and in the composition", () => {
  const rooms = ["kernel", "ports", "modules", "providers", "db", "queues"].map((room) => join(root, "src", room));
  const files = rooms.flatMap((room) =>
    readdirSync(room, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  expect(files.length).toBeGreaterThan(100);
  expect(files.filter((file) => /\b(Api|Consumer|Hasher)Env\b/.test(readFileSync(file, "utf8")))).toEqual([]);
});

it("no fake is part of a Worker: nothing but fakes, tests and scripts imports one", () => {
  const files = globSync(["src/**/*.ts", "durable-objects/**/*.ts"], { cwd: root }).filter(
    (file) => !/\.test\.ts$|\/fake(-[\w-]+)?\.ts$|-fake\.ts$/.test(file),
  );
  expect(files.length).toBeGreaterThan(200);
  const importing = files.filter((file) =>
    /from "[^"]*(\/fake|\/fake-[\w-]+|-fake)\.ts"/.test(readFileSync(join(root, file), "utf8")),
  );
  expect(importing).toEqual([]);
});
