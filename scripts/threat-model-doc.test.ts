import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const page = readFileSync(join(ROOT, "docs/threat-model.md"), "utf8");

/** The rows of the tables of threats, as their cells. */
const threats = Array.from(page.matchAll(/^\| ([A-Z]\d+) \| (.*) \|$/gm), ([, id = "", cells = ""]) => {
  const [kind = "", threat = "", defence = "", shownBy = "", ...remains] = cells.split(" | ");
  return { id, kind, threat, defence, shownBy, remains: remains.join(" | ") };
});

describe("docs/threat-model.md", () => {
  it("numbers the threats of each kind from 1, without a gap", () => {
    const counts = new Map<string, number>();
    for (const { id } of threats) {
      const next = (counts.get(id.slice(0, 1)) ?? 0) + 1;
      expect(Number(id.slice(1)), id).toBe(next);
      counts.set(id.slice(0, 1), next);
    }
    expect([...counts]).toEqual([
      ["A", 9],
      ["P", 11],
      ["M", 6],
      ["L", 7],
      ["D", 13],
    ]);
  });

  it.each(threats)("$id says its kind, a defence, what shows it and what remains", (threat) => {
    expect(threat.kind).toMatch(/^[STRIDE]$/);
    expect(threat.threat.length).toBeGreaterThan(10);
    expect(threat.defence.length).toBeGreaterThan(10);
    expect(threat.shownBy).toMatch(/^(?:–|`[^`]+`(?:, `[^`]+`)*)$/);
    // Where no test shows a defence, the reason stands beside it.
    expect(threat.remains.length).toBeGreaterThan(threat.shownBy === "–" ? 20 : 0);
  });

  const paths = new Set(
    threats.flatMap(({ shownBy }) => Array.from(shownBy.matchAll(/`([^`]+)`/g), ([, path = ""]) => path)),
  );
  it.each([...paths])("names %s, which is there and has tests", (path) => {
    expect(path).toMatch(/\.test\.ts$/);
    expect(existsSync(join(ROOT, path)), path).toBe(true);
    expect(readFileSync(join(ROOT, path), "utf8")).toMatch(/^\s*it(?:\.each)?\(/m);
  });

  it("links to pages that are there", () => {
    for (const [, target = ""] of page.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      expect(existsSync(join(ROOT, "docs", target)), target).toBe(true);
    }
  });
});
