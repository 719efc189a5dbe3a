import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ROOT } from "../stack-env.ts";
import { FIND_PROMETHEUS_MS, prometheusOrSkip } from "./for-tests.ts";
import { readAlertRules } from "./ops-files.ts";
import { runPromtool } from "./promtool.ts";

const OPS = join(ROOT, "ops/prometheus");
const LONG = { timeout: FIND_PROMETHEUS_MS };
const rules = readAlertRules();

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "ai-styler-rules-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

it("promtool takes the configuration with a token beside it, and every rule", LONG, async (test) => {
  const { promtool } = await prometheusOrSkip(test);
  await cp(OPS, dir, { recursive: true });
  await writeFile(join(dir, "metrics-token"), "a-token");
  const { code, output } = await runPromtool(promtool, ["check", "config", join(dir, "prometheus.yml")]);
  expect(output).toContain(`SUCCESS: ${rules.length} rules found`);
  expect(code).toBe(0);
});

it("each alert fires when it should and not otherwise", LONG, async (test) => {
  const { promtool } = await prometheusOrSkip(test);
  const { code, output } = await runPromtool(promtool, ["test", "rules", join(OPS, "alerts.test.yml")]);
  expect(code, output).toBe(0);
});

it("each alert has a test of its own", async () => {
  const tests = await readFile(join(OPS, "alerts.test.yml"), "utf8");
  const fired = new Set(Array.from(tests.matchAll(/alertname(?:="|: )(\w+)/g), ([, name]) => name));
  expect([...fired].sort()).toEqual(rules.map(({ alert }) => alert).sort());
});

it.each(rules.map((rule) => [rule.alert, rule] as const))("%s says what happened and what to do", (_, { text }) => {
  expect(text).toMatch(/^ {10}severity: (critical|warning)$/m);
  expect(text).toMatch(/^ {10}summary: ".*\{\{ \$labels\.instance \}\}.*"$/m);
  expect(text).toMatch(/^ {10}description: >-$/m);
  expect(text).toMatch(/^ {10}runbook: docs\/where-to-look\.md#[a-z-]+$/m);
});
