import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { CONFIG_VARIABLES } from "../src/composition/config.ts";
import { METRICS } from "../src/kernel/metric-registry.ts";

const read = (path: string) => readFileSync(join(import.meta.dirname, "..", path), "utf8");

it("docs/observability.md lists exactly the metrics there are, as they are", () => {
  const rows = read("docs/observability.md")
    .split("\n")
    .filter((line) => /^\| `\w+` \| (counter|gauge|histogram) /.test(line));
  const labelsOf = (labels: readonly string[]) => labels.map((label) => `\`${label}\``).join(", ") || "–";
  expect(rows).toEqual(
    Object.entries(METRICS).map(
      ([name, { type, source, labels, help }]) =>
        `| \`${name}\` | ${type} | ${source} | ${labelsOf(labels)} | ${help} |`,
    ),
  );
});

it("every variable is in the README", () => {
  const readme = read("README.md");
  expect(CONFIG_VARIABLES.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
});

it("every runbook that an alert names is there", () => {
  const anchors = [...read("ops/prometheus/alerts.yml").matchAll(/where-to-look\.md#([\w-]+)/g)].map(
    ([, anchor]) => anchor,
  );
  const headings = [...read("docs/where-to-look.md").matchAll(/^#+ ([\w-]+)$/gm)].map(([, heading]) => heading);
  expect(anchors.length).toBeGreaterThan(10);
  expect(anchors.filter((anchor) => !headings.includes(anchor))).toEqual([]);
});

it("every metric in the queries of docs/where-to-look.md is there", () => {
  const names = Object.keys(METRICS).flatMap((name) => [name, `${name}_bucket`, `${name}_count`, `${name}_sum`]);
  const queries = [...read("docs/where-to-look.md").matchAll(/```promql\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
  const named = queries.join("\n").match(/\b[a-z]+(?:_[a-z]+){1,6}\b(?=[[{ =]|$)/gm) ?? [];
  expect(named.length).toBeGreaterThan(15);
  expect(named.filter((name) => !names.includes(name) && name !== "histogram_quantile")).toEqual([]);
});
