import { expect, it } from "vitest";
import type { AnalyticsPoint } from "../../ports/analytics.ts";
import { createAnalytics } from "./analytics.ts";

const CASES: readonly (readonly [AnalyticsPoint, { readonly blobs: string[]; readonly doubles: number[] }])[] = [
  [
    { kind: "request", method: "GET", route: "/r", status: 404, code: "c", country: "IR", durationMs: 7 },
    { blobs: ["request", "GET", "/r", "404", "c", "IR", "v1"], doubles: [7] },
  ],
  [
    {
      ...{ kind: "conversion", conversionKind: "tryon", provider: "gemini", model: "m", status: "failed" },
      ...{ code: "c", durationMs: 7, attempt: 2 },
    },
    { blobs: ["conversion", "tryon", "gemini", "m", "failed", "c", "v1"], doubles: [7, 2] },
  ],
];

it.each(CASES)(
  "a point keeps the order of its columns, which old rows have too, and ends with the version: %o",
  (point, columns) => {
    const written: unknown[] = [];
    createAnalytics({ writeDataPoint: (row) => void written.push(row) }, "v1").write(point);
    expect(written).toEqual([{ indexes: [point.kind], ...columns }]);
  },
);

it("a dataset that fails harms nobody", () => {
  const analytics = createAnalytics(
    {
      writeDataPoint() {
        throw new Error("down");
      },
    },
    "v1",
  );
  const point = {
    kind: "request",
    method: "GET",
    route: "/r",
    status: 200,
    code: "",
    country: "",
    durationMs: 1,
  } as const;
  expect(() => analytics.write(point)).not.toThrow();
});
