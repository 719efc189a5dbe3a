import * as objects from "../../../../durable-objects/index.ts";
import tail from "../../../../src/workers/tail/index.ts";
import { countedObject } from "../objects.ts";
import { countedWorker } from "../worker.ts";

export const AlertDesk = countedObject("ALERT_DESK", objects.AlertDesk);
export const MetricsShard = countedObject("METRICS_SHARD", objects.MetricsShard);

const nothing = { fetch: () => new Response(null, { status: 404 }) };

export default countedWorker<TailEnv>({ ...tail, ...nothing });
