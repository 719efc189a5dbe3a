import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FAILURE_CODES, FAILURE_POLICIES, FAILURES } from "../src/modules/conversions/failures.ts";
import { GENERATION_FAILURES } from "../src/ports/image-generator.ts";
import { checkCases } from "./doc-cases.ts";

const PAGE = "docs/reliability.md";

checkCases(PAGE, 52);

/** The rows whose first cell is a code word, as their cells. */
const rows = readFileSync(join(import.meta.dirname, "..", PAGE), "utf8")
  .split("\n")
  .filter((line) => /^\| `\w+` \|/.test(line))
  .map((line) => line.slice(2, -2).split(" | "));

it(`${PAGE} has the words that users read for every code`, () => {
  const words = FAILURE_CODES.map((code) => {
    const { message, retryable } = FAILURES[code];
    return [`\`${code}\``, message, retryable ? "yes" : "no"];
  });
  expect(rows.filter((cells) => cells.length === 3)).toEqual(words);
});

it(`${PAGE} tells what follows on each class of failure`, () => {
  const again = { never: "no", once: "once", attempts: "while attempts last" };
  const circuit = { ignore: /^–$/, count: /^counts$/, trip: /^opens\b/ };
  const lines = rows.filter((cells) => cells.length === 5);
  expect(lines.map(([failure]) => failure)).toEqual(GENERATION_FAILURES.map((failure) => `\`${failure}\``));
  for (const [index, failure] of GENERATION_FAILURES.entries()) {
    const policy = FAILURE_POLICIES[failure];
    const [, retry, fallback, circuitCell, code] = lines[index] ?? [];
    expect([retry, fallback, code], failure).toEqual([
      again[policy.retry],
      policy.mayFallBack ? "yes" : "no",
      `\`${policy.code}\``,
    ]);
    const told = policy.circuit === "ignore" || policy.circuit === "count" ? circuit[policy.circuit] : circuit.trip;
    expect(circuitCell, failure).toMatch(told);
  }
});
