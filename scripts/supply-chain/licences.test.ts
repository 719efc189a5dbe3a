import { describe, expect, it } from "vitest";
import { isAccepted, type Licensed, licenceFaults, licencesPage } from "./licences.ts";

const one = (name: string, licence: string, dev: boolean): Licensed => ({ name, version: "1.0.0", licence, dev });

describe("a licence", () => {
  it.each(["MIT", "(MIT)", "GPL-3.0-only OR MIT", "(MIT OR GPL-3.0-only)", "MIT AND ISC"])("%s is accepted", (text) => {
    expect(isAccepted(text, ["MIT", "ISC"])).toBe(true);
  });

  it.each(["GPL-3.0-only", "MIT AND GPL-3.0-only", "unknown", "", "SEE LICENSE IN LICENSE", "MIT OR ISC AND X", "mit"])(
    "%j is not",
    (text) => {
      expect(isAccepted(text, ["MIT", "ISC"])).toBe(false);
    },
  );
});

describe("the policy", () => {
  it("accepts for tools what it doesn't for what runs or is bundled", () => {
    expect(licenceFaults([one("tool", "MPL-2.0", true)], new Set())).toEqual([]);
    for (const [dev, shipped] of [[false, []] as const, [true, ["lib"]] as const]) {
      expect(licenceFaults([one("lib", "MPL-2.0", dev)], new Set(shipped))).toEqual([
        "lib 1.0.0 is under MPL-2.0, which is not accepted for what is shipped",
      ]);
    }
  });

  it.each(["AGPL-3.0-only", "GPL-2.0-or-later", "SSPL-1.0", "UNLICENSED", "unknown"])(
    "accepts %s for nothing",
    (text) => {
      expect(licenceFaults([one("tool", text, true)], new Set())).toHaveLength(1);
    },
  );
});

it("the page tells of each package that runs where it is, and of tools by licence", () => {
  const packages = [one("a", "MIT", false), one("b", "ISC", false), one("c", "MIT", true), one("d", "MPL-2.0", true)];
  const page = licencesPage(packages, new Map([["a", ["api", "tail"]]]));
  expect(page).toContain("| a | 1.0.0 | MIT | api, tail |\n| b | 1.0.0 | ISC | not shipped |");
  expect(page).toMatch(/\| MIT \| 1 \| {2}\| c \|\n\| MPL-2\.0 \| 1 \| Lightning CSS.* \| d \|/);
});
