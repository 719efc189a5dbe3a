/** The module's verbs for the tail Worker; `index.ts` is the api's side. */

export { metricsLoss } from "./metrics-loss.ts";
export { type WatchInvocationsDeps, watchInvocations } from "./service/watch-invocations.ts";
