import { createTailServices } from "../../composition/tail-services.ts";
import { watchInvocations } from "../../modules/observability/jobs.ts";
import { toInvocation } from "../../providers/cloudflare/trace-items.ts";
import { consumeAlerts } from "../../queues/alerts.consumer.ts";

export { AlertDesk, MetricsShard } from "../../../durable-objects/index.ts";

export default {
  tail(events, env, context) {
    watchInvocations(createTailServices(env, context), events.map(toInvocation));
  },

  queue: (batch, env, context) => consumeAlerts(createTailServices(env, context), batch.queue, batch.messages),
} satisfies ExportedHandler<TailEnv>;
