/** What `ops/` asks of Prometheus and of Analytics Engine. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../stack-env.ts";

const DASHBOARDS = join(ROOT, "ops/grafana/dashboards");
export const ALERTS_FILE = join(ROOT, "ops/prometheus/alerts.yml");

export interface Target {
  readonly refId: string;
  /** Of Prometheus. */
  readonly expr?: string;
  readonly legendFormat?: string;
  /** Of Infinity. */
  readonly url_options?: { readonly method: string; readonly data: string };
  readonly columns?: readonly { readonly selector: string; readonly text: string; readonly type: string }[];
  readonly format?: string;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly targets?: readonly Target[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
}

export interface Dashboard {
  /** Without its ending. */
  readonly file: string;
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly schemaVersion: number;
  readonly time: { readonly from: string; readonly to: string };
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
  readonly panels: readonly Panel[];
}

/** A query of a panel, and where it is. */
export interface Query {
  readonly dashboard: string;
  readonly panel: Panel;
  readonly target: Target;
}

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  /** Its lines as they are. */
  readonly text: string;
}

export function readDashboards(): Dashboard[] {
  return readdirSync(DASHBOARDS)
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => ({ ...JSON.parse(readFileSync(join(DASHBOARDS, file), "utf8")), file: file.slice(0, -5) }));
}

/** The queries of all panels that go to a data source of a type. */
export function queriesOf(dashboards: readonly Dashboard[], datasourceType: string): Query[] {
  return dashboards.flatMap(({ file, panels }) =>
    panels
      .filter(({ datasource }) => datasource?.type === datasourceType)
      .flatMap((panel) => (panel.targets ?? []).map((target) => ({ dashboard: file, panel, target }))),
  );
}

export function readAlertRules(): AlertRule[] {
  const [, ...texts] = readFileSync(ALERTS_FILE, "utf8").split(/^ {6}- alert: /m);
  return texts.map((text) => {
    const [, expr = ""] = /^ {8}expr: (?:>-)?((?:.*\n)(?: {10}.*\n)*)/m.exec(text) ?? [];
    return { alert: /^\w+/.exec(text)?.[0] ?? "", expr: expr.trim(), text };
  });
}

/** A query as Grafana would send it. */
export function fillIn(expression: string, variables: Readonly<Record<string, string>>): string {
  return expression.replace(/\$\{?([\w:]+)\}?/g, (found, name: string) => variables[name] ?? found);
}
