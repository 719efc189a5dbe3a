import api from "../../src/workers/api/index.ts";
import consumer from "../../src/workers/consumer/index.ts";
import tail from "../../src/workers/tail/index.ts";

export { RateLimiter, UserSessions } from "../../src/workers/api/index.ts";
export { CircuitBreaker, ImageProcessor } from "../../src/workers/consumer/index.ts";
export { Hasher } from "../../src/workers/hasher/index.ts";
export { AlertDesk, MetricsShard } from "../../src/workers/tail/index.ts";

export default {
  fetch: api.fetch,

  queue(batch, env, context) {
    if (batch.queue.endsWith("-alerts")) return tail.queue(batch, env, context);
    return batch.queue.endsWith("-sms") ? api.queue(batch, env, context) : consumer.queue(batch, env, context);
  },

  async scheduled(controller, env, context) {
    await api.scheduled(controller, env, context);
    await consumer.scheduled(controller, env, context);
  },
} satisfies ExportedHandler<TestEnv>;
