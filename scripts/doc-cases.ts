import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const TEST = /`([^`]+)`: "(.+?)"(?=; `|; not applicable|$)/;
const NOT_APPLICABLE = /not applicable(?: yet)?: .+/;
const WHAT_SHOWS_IT = new RegExp(`^(?:${TEST.source}(?:; |$))*(?:${NOT_APPLICABLE.source})?$`);

interface Case {
  readonly number: number;
  readonly tests: readonly { readonly file: string; readonly name: string }[];
}

/**
 * The rows "| number | case | what shows it |" of a page: tests as `file`: "name", several behind "; ", or "not applicable:"
 * or "not applicable yet:" with the reason, also for the rest of a case that has tests.
 */
function casesOf(page: string): Case[] {
  const rows = readFileSync(join(ROOT, page), "utf8").matchAll(/^\| (\d+) \| (.*) \|$/gm);
  return Array.from(rows, ([row, number, cells = ""]) => {
    const [, ...rest] = cells.split(" | ");
    const shown = rest.join(" | ");
    if (shown === "" || !WHAT_SHOWS_IT.test(shown)) throw new Error(`${page} has a case of another form: ${row}`);
    const tests = Array.from(shown.matchAll(new RegExp(TEST, "g")), ([, file = "", name = ""]) => ({ file, name }));
    return { number: Number(number), tests };
  });
}

/** Tests that a page has so many cases, each once and in order, and that each test it names exists. */
export function checkCases(page: string, count: number): void {
  const cases = casesOf(page);

  it(`${page} has all ${count} cases, each once`, () => {
    expect(cases.map(({ number }) => number)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
  });

  it.each(cases.flatMap(({ number, tests }) => tests.map(({ file, name }) => [number, file, name] as const)))(
    `case %s: %s has the test that ${page} names`,
    (_, file, name) => {
      const path = /^(src|durable-objects|scripts|test)\//.test(file) ? file : `test/workerd/${file}`;
      expect(existsSync(join(ROOT, path)), path).toBe(true);
      expect(readFileSync(join(ROOT, path), "utf8")).toContain(`"${name}"`);
    },
  );
}
