import { createApp } from "../../app.ts";
import { type ApiServices, createApiServices } from "../../composition/services.ts";
import { describeError } from "../../kernel/describe-error.ts";
import { createLogger } from "../../kernel/logger.ts";
import { sweepPart } from "../../kernel/sweep-part.ts";
import { linkAudit, stripStrangers } from "../../modules/audit/jobs.ts";
import { sweepIdentity } from "../../modules/auth/jobs.ts";
import { checkMigrations } from "../../modules/observability/index.ts";
import { sweepErasures } from "../../modules/users/jobs.ts";
import { consumeSms } from "../../queues/sms.consumer.ts";

export { RateLimiter, UserSessions } from "../../../durable-objects/index.ts";

/** Of the minute until the next run. */
const LINK_BUDGET_MS = 20_000;

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
      tellUnconfigured(error);
      batch.retryAll({ delaySeconds: 60 });
    }
  },

  async scheduled(_controller, env, context) {
    let services: ApiServices;
    try {
      services = createApiServices(env, context);
    } catch (error) {
      return tellUnconfigured(error);
    }
    const { logger } = services;
    const { promisesKept, messagesTried } = await sweepIdentity(services);
    const erasures = await sweepPart(services, "erasures", () => sweepErasures(services));
    const strangers = await sweepPart(services, "strangers", () => stripStrangers(services));
    const linked = await sweepPart(services, "audit", async () => {
      return (await linkAudit(services, { budgetMs: LINK_BUDGET_MS })).linked;
    });
    const migrationsMissing = await sweepPart(services, "migrations", () => checkMigrations(services));
    logger.log("info", "sweep", { promisesKept, messagesTried, erasures, strangers, linked, migrationsMissing });
  },
} satisfies ExportedHandler<ApiEnv>;

/** One line that names the variables, and none of what they hold. */
function tellUnconfigured(error: unknown): void {
  const logger = createLogger({ level: "info", format: "json" }, { service: "api" });
  logger.log("error", "api not configured", { cause: describeError(error) });
}
