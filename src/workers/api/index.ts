import { createApp } from "../../app.ts";
import { createApiServices } from "../../composition/services.ts";
import { describeError } from "../../kernel/describe-error.ts";
import { createLogger } from "../../kernel/logger.ts";
import { linkAudit } from "../../modules/audit/jobs.ts";
import { sweepIdentity } from "../../modules/auth/jobs.ts";
import { sweepErasures } from "../../modules/users/jobs.ts";
import { consumeSms } from "../../queues/sms.consumer.ts";

export { RateLimiter, UserSessions } from "../../../durable-objects/index.ts";

const app = createApp();

export default {
  fetch: app.fetch,

  /** One-time codes: opening them takes the service's secret, which the Worker that decodes strangers' pictures hasn't. */
  async queue(batch, env, context) {
    try {
      const services = createApiServices(env, context);
      for (const message of batch.messages) await consumeSms(services, batch.queue, message);
    } catch (error) {
      // Without configuration nothing can be done, and nothing may be lost: the messages come again.
      createLogger({ level: "info", format: "json" }, { service: "api" }).log("error", "api not configured", {
        cause: describeError(error),
      });
      batch.retryAll({ delaySeconds: 60 });
    }
  },

  async scheduled(_controller, env, context) {
    const services = createApiServices(env, context);
    const { promisesKept, messagesTried } = await sweepIdentity(services);
    const erasures = await sweepErasures(services);
    const { linked } = await linkAudit(services, { limit: 100 });
    services.logger.log("info", "sweep", { promisesKept, messagesTried, erasures, linked });
  },
} satisfies ExportedHandler<ApiEnv>;
