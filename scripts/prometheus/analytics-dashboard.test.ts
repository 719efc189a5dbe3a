import { describe, expect, it } from "vitest";
import type { AnalyticsPoint } from "../../src/ports/analytics.ts";
import { createAnalytics } from "../../src/providers/cloudflare/analytics.ts";
import { ask, createStandIn, type StandInPoint } from "./analytics-stand-in.ts";
import { fillIn, queriesOf, readDashboards } from "./ops-files.ts";

const DATASET = "ai_styler";
const FROM = 1_700_000_100;
const TO = FROM + 600;
const VARIABLES = { "__from:date:seconds": String(FROM), "__to:date:seconds": String(TO), bucket: "300" };

const request = { kind: "request", method: "GET", route: "/api/images", code: "", country: "IR" } as const;
const conversion = { kind: "conversion", conversionKind: "style", provider: "gemini", model: "m", code: "" } as const;
const POINTS: readonly (readonly [atSeconds: number, sampleInterval: number, point: AnalyticsPoint])[] = [
  [FROM, 1, { ...request, status: 200, durationMs: 10 }],
  [FROM + 10, 7, { ...request, status: 200, durationMs: 20 }],
  [FROM + 400, 1, { ...request, status: 500, code: "internal", durationMs: 100 }],
  [FROM + 400, 1, { ...request, status: 404, code: "image_not_found", country: "", durationMs: 5 }],
  [TO, 100, { ...request, status: 200, durationMs: 9_999 }],
  [FROM - 1, 100, { ...request, status: 200, durationMs: 9_999 }],
  [FROM, 2, { ...conversion, status: "succeeded", attempt: 1, durationMs: 15_000 }],
  [FROM + 1, 1, { ...conversion, status: "failed", code: "content_blocked", attempt: 4, durationMs: 5_000 }],
];

/** As the Workers write them. */
const written: StandInPoint[] = POINTS.map(([timestamp, sampleInterval, point]) => {
  const columns = { indexes: [] as string[], blobs: [] as string[], doubles: [] as number[] };
  createAnalytics({ writeDataPoint: (data) => void Object.assign(columns, data) }, "version-1").write(point);
  return { timestamp, sampleInterval, ...columns };
});

const database = createStandIn(DATASET, written);
const queries = queriesOf(readDashboards(), "yesoreyeram-infinity-datasource");
const rowsOf = (title: string) => {
  const query = queries.find(({ panel }) => panel.title === title);
  return ask(database, fillIn(query?.target.url_options?.data ?? "", VARIABLES));
};

describe("the queries of Analytics Engine", () => {
  it.each(queries.map((query) => [query.panel.title, query.target] as const))(
    "%s: finds rows, each with the columns that are shown",
    (title, target) => {
      const rows = rowsOf(title);
      expect(rows.length).toBeGreaterThan(0);
      const selectors = target.columns?.map(({ selector }) => selector) ?? [];
      for (const row of rows) expect(Object.keys(row).sort()).toEqual([...selectors].sort());
      expect(selectors.includes("t")).toBe(target.format === "timeseries");
    },
  );

  it.each(queries.map(({ panel, target }) => [panel.title, target.url_options?.data ?? ""] as const))(
    "%s: asks for one kind of point and a time, and counts what each point stands for",
    (_, sql) => {
      expect(sql).toMatch(new RegExp(`FROM ${DATASET} WHERE index1 = '(request|conversion)' AND timestamp >= `));
      expect(sql).toMatch(/ AND timestamp < toDateTime\(\$\{__to:date:seconds\}\)/);
      expect(sql).toContain("_sample_interval");
      expect(fillIn(sql, VARIABLES)).not.toContain("$");
    },
  );

  it("count requests by what each point stands for, of the time shown alone", () => {
    expect(rowsOf("Routes")).toEqual([
      { method: "GET", route: "/api/images", requests: 10, errors: 0.1, refused: 0.1, p50: 20, p95: 100 },
    ]);
    expect(rowsOf("Requests by status")).toEqual([
      { t: FROM, status: "200", requests: 8 / 300 },
      { t: FROM + 300, status: "404", requests: 1 / 300 },
      { t: FROM + 300, status: "500", requests: 1 / 300 },
    ]);
    expect(rowsOf("Sampling")).toEqual([
      { t: FROM, requests: 4 },
      { t: FROM + 300, requests: 1 },
    ]);
  });

  it("tell conversions from requests", () => {
    const [all, ...others] = rowsOf("Providers and models");
    expect(others).toEqual([]);
    expect(all).toMatchObject({ provider: "gemini", conversions: 3, succeeded: 2 / 3, attempts: 2, p95: 15_000 });
    expect(rowsOf("Failures")).toEqual([{ code: "content_blocked", kind: "style", conversions: 1, attempts: 4 }]);
  });

  it("the stand-in knows no column that is not there", () => {
    for (const column of ["blob21", "durationMs", '"durationMs"']) {
      expect(() => ask(database, `SELECT ${column} FROM ${DATASET}`)).toThrow("no such column");
    }
  });
});
