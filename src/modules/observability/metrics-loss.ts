import type { Alert } from "../../ports/alerts.ts";

/** What to tell of samples that nobody can bring back. */
export function metricsLoss(worker: string, samples: number): Alert {
  return {
    name: "metrics_loss",
    about: worker,
    what: `${samples} samples of metrics are lost`,
    advice: "See metrics_samples_dropped_total for which and why: too many series, or shards that did not answer",
  };
}
