import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
const rows = readFileSync(join(root, "docs/security.md"), "utf8")
  .split("\n")
  .map((line) => /^\| (\d+) \| [^|]+ \| (?:`([^`]+)`: "(.+)"|not applicable.*) \|$/.exec(line))
  .filter((match) => match !== null);

it("docs/security.md has all 70 cases, each once", () => {
  expect(rows.map((row) => Number(row[1]))).toEqual(Array.from({ length: 70 }, (_, i) => i + 1));
});

it.each(
  rows.flatMap(([, number, file, name]) => (file === undefined || name === undefined ? [] : [[number, file, name]])),
)("case %s: %s has the test that docs/security.md names", (_, file, name) => {
  const path = /^(src|durable-objects|scripts|test)\//.test(file) ? file : `test/workerd/${file}`;
  expect(existsSync(join(root, path)), path).toBe(true);
  expect(readFileSync(join(root, path), "utf8")).toContain(`"${name}"`);
});
