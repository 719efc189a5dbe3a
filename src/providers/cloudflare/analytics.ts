import type { Analytics, AnalyticsPoint } from "../../ports/analytics.ts";

/** A dataset of Workers Analytics Engine, as far as it is used. */
export interface AnalyticsDataset {
  writeDataPoint(point: { indexes?: string[]; blobs?: string[]; doubles?: number[] }): void;
}

/**
 * The columns of the dataset, blob1 and double1 first; the index is the kind of point. Changing an order changes what
 * old rows mean: add at the end.
 */
function columnsOf(point: AnalyticsPoint, version: string): { readonly blobs: string[]; readonly doubles: number[] } {
  if (point.kind === "request") {
    const { kind, method, route, status, code, country, durationMs } = point;
    return { blobs: [kind, method, route, String(status), code, country, version], doubles: [durationMs] };
  }
  const { kind, conversionKind, provider, model, status, code, durationMs, attempt } = point;
  return { blobs: [kind, conversionKind, provider, model, status, code, version], doubles: [durationMs, attempt] };
}

/**
 * Points in Workers Analytics Engine, which samples: for exploring, never for truth. `version` is the id of the
 * deployed version that writes: a release is compared with the one before it by that.
 */
export function createAnalytics(dataset: AnalyticsDataset, version: string): Analytics {
  return {
    write(point) {
      try {
        dataset.writeDataPoint({ indexes: [point.kind], ...columnsOf(point, version) });
      } catch {
        // Nothing depends on it.
      }
    },
  };
}
