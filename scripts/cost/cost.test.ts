import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

function cost(...args: readonly string[]) {
  return spawnSync(process.execPath, [join(import.meta.dirname, "cost.ts"), ...args], { encoding: "utf8" });
}

it("tells a bill, what dominates it, its limits and what it leaves out", () => {
  const { status, stdout } = cost("--users", "100000", "--conversions", "400000");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^100 k users a month, 400 k conversions a month of them all, provider local\n/);
  for (const part of [/^Total {2,}\$[\d,.]+ +100 %$/m, /^Dearest: \w/m, /^D1: size/m, /^Not in it:$/m]) {
    expect(stdout).toMatch(part);
  }
});

it("takes what is assumed from flags, and answers in JSON", () => {
  const { stdout } = cost("--users", "10", "--conversions", "1000", "--provider", "gemini", "--polls", "7", "--json");
  const { month, assumptions, invoice } = JSON.parse(stdout);
  expect(assumptions).toMatchObject({ provider: "gemini", polls: 7 });
  expect(month.mix).toMatchObject({ poll: 7_000, create: 1_000, jobLocal: 0 });
  expect(invoice.dollars).toBeGreaterThan(1_000 * 0.067);
});

it.each([
  [["--users", "10"], "--conversions is missing"],
  [["--users", "many", "--conversions", "1"], "--users must be a number from 0 up"],
  [["--users", "-1", "--conversions", "1"], "--users"],
  [
    ["--users", "1", "--conversions", "1", "--provider", "oracle"],
    "--provider must be one of local, gemini, workers-ai",
  ],
  [["--users", "1", "--conversions", "1", "--large-photos", "2"], "--large-photos is a part"],
  [["--users", "1", "--conversions", "1", "--pools", "2"], "Unknown option '--pools'"],
])("refuses %j and says why", (args, why) => {
  const { status, stderr } = cost(...args);
  expect(status).toBe(1);
  expect(stderr).toContain(why);
  expect(stderr).not.toContain("    at ");
});
