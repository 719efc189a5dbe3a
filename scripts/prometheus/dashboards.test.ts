import { describe, expect, it } from "vitest";
import { METRICS, type MetricName } from "../../src/kernel/metric-registry.ts";
import { exposedLabels } from "../../src/modules/observability/exposition.ts";
import { type Panel, queriesOf, readAlertRules, readDashboards } from "./ops-files.ts";
import { mentionsOf } from "./promql.ts";

/** Put on every series by Prometheus. */
const TARGET_LABELS = ["instance", "job"];
/** Made by Prometheus about the scrape itself. */
const SCRAPE_METRICS: Readonly<Record<string, readonly string[]>> = { up: [] };
/** In no panel, and why. */
const NOT_SHOWN: Readonly<Partial<Record<MetricName, string>>> = {
  payments_total: "no payment gateway is built in, so that nothing counts it",
};

const dashboards = readDashboards();
const queries = queriesOf(dashboards, "prometheus");
const expressions = [
  ...queries.map(({ dashboard, panel, target }) => [`${dashboard}: ${panel.title}`, target.expr ?? ""] as const),
  ...readAlertRules().map(({ alert, expr }) => [`alert ${alert}`, expr] as const),
];

/** The labels of a series that Prometheus holds, by its name; null where the service has none of that name. */
function labelsOf(series: string): readonly string[] | null {
  const scrape = SCRAPE_METRICS[series];
  if (scrape !== undefined) return [...scrape, ...TARGET_LABELS];
  const [, base = "", part = ""] = /^(.*?)(_bucket|_sum|_count)?$/.exec(series) ?? [];
  if (!Object.hasOwn(METRICS, base)) return null;
  const name = base as MetricName;
  if ((METRICS[name].type === "histogram") !== (part !== "")) return null;
  return [...exposedLabels(name), ...TARGET_LABELS, ...(part === "_bucket" ? ["le"] : [])];
}

const boxesOf = (panels: readonly Panel[]) => panels.map(({ gridPos: { x, y, w, h } }) => ({ x, y, w, h }));

describe.each(dashboards.map((dashboard) => [dashboard.file, dashboard] as const))(
  "the dashboard %s",
  (file, board) => {
    const shown = board.panels.filter(({ type }) => type !== "row");

    it("has an address of its own, and opens on the last six hours", () => {
      expect(board).toMatchObject({ uid: `ai-styler-${file}`, time: { from: "now-6h", to: "now" } });
      expect(board.schemaVersion).toBeGreaterThanOrEqual(39);
      expect(board.title).toMatch(/^AI Styler · \w/);
      expect(board.description).toMatch(/\.$/);
      expect(board.templating.list[0]?.type).toBe("datasource");
    });

    it("has panels with ids, titles and units, each query with a legend, no two over each other", () => {
      expect(new Set(board.panels.map(({ id }) => id)).size).toBe(board.panels.length);
      for (const { title, targets = [], fieldConfig, type } of shown) {
        expect(title, JSON.stringify(targets)).not.toBe("");
        expect(targets.length, title).toBeGreaterThan(0);
        if (type !== "table" && type !== "heatmap") expect(fieldConfig?.defaults.unit, title).toBeDefined();
        for (const { expr, legendFormat } of targets) if (expr !== undefined) expect(legendFormat, title).not.toBe("");
      }
      const boxes = boxesOf(board.panels);
      for (const [index, a] of boxes.entries()) {
        expect(a.x + a.w).toBeLessThanOrEqual(24);
        for (const b of boxes.slice(index + 1)) {
          const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
          expect(apart, `${JSON.stringify(a)} ${JSON.stringify(b)}`).toBe(true);
        }
      }
    });

    it("has a description for whoever sees a panel for the first time", () => {
      expect(shown.filter(({ description = "" }) => !description.endsWith(".")).map(({ title }) => title)).toEqual([]);
    });
  },
);

describe("what is asked of Prometheus", () => {
  it.each(expressions)("%s: every metric and label exists", (_, expression) => {
    const { metrics, groupedBy } = mentionsOf(expression);
    expect(metrics.length).toBeGreaterThan(0);
    const known = metrics.map(({ metric, labels }) => ({ metric, labels, has: labelsOf(metric) }));
    for (const { metric, labels, has } of known) {
      expect(has, metric).not.toBeNull();
      for (const label of labels) expect(has, metric).toContain(label);
    }
    for (const label of groupedBy) expect(known.flatMap(({ has }) => has)).toContain(label);
  });

  it("counters that shards count are added up only after their rate was taken, so that a shard may come and go", () => {
    for (const [where, expression] of expressions) {
      for (const [, metric = ""] of expression.matchAll(/(?:rate|increase)\(\s*sum/g))
        expect.fail(`${where}: ${metric}`);
    }
  });

  it("each panel's query goes to one deployment", () => {
    for (const { dashboard, panel, target } of queries) {
      for (const { metric, labels } of mentionsOf(target.expr ?? "").metrics) {
        expect(labels, `${dashboard}: ${panel.title}: ${metric}`).toContain("instance");
      }
    }
  });

  it("each legend names labels that its series have", () => {
    for (const { dashboard, panel, target } of queries) {
      const { metrics, groupedBy } = mentionsOf(target.expr ?? "");
      const left = groupedBy.length > 0 ? groupedBy : metrics.flatMap(({ metric }) => labelsOf(metric) ?? []);
      for (const [, label] of (target.legendFormat ?? "").matchAll(/\{\{(\w+)\}\}/g)) {
        expect(left, `${dashboard}: ${panel.title}`).toContain(label);
      }
    }
  });

  it("every metric of the registry is on a dashboard, but for those with a reason", () => {
    const shown = new Set(
      queries.flatMap(({ target }) => mentionsOf(target.expr ?? "").metrics.map(({ metric }) => metric)),
    );
    const missing = (Object.keys(METRICS) as MetricName[]).filter((name) =>
      ["", "_bucket", "_sum", "_count"].every((part) => !shown.has(`${name}${part}`)),
    );
    expect(missing).toEqual(Object.keys(NOT_SHOWN));
  });
});
