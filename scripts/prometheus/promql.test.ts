import { expect, it } from "vitest";
import { mentionsOf } from "./promql.ts";

it("finds each metric with the labels it is selected by, and those that things are added up by", () => {
  const expression = `
    histogram_quantile(0.95, sum by (route, le) (rate(a_bucket{instance="$instance", route!~"/b(c|d){e=\\"f\\"}"}[5m])))
      / on (instance) group_left (version) (build_info > 0) > bool 0.5
      and sum without(shard) (increase(g_total[$__rate_interval] offset 5m)) unless h:i:rate5m or vector(0)`;
  expect(mentionsOf(expression)).toEqual({
    metrics: [
      { metric: "a_bucket", labels: ["instance", "route"] },
      { metric: "build_info", labels: [] },
      { metric: "g_total", labels: [] },
      { metric: "h:i:rate5m", labels: [] },
    ],
    groupedBy: ["route", "le", "instance", "version", "shard"],
  });
});
