import type { Alerts } from "../ports/alerts.ts";
import type { Logger } from "./logger.ts";

/** Alerts as error events of the log, which `alert` tells from others. */
export function createLogAlerts(logger: Logger): Alerts {
  return {
    raise({ name, about, what, advice }) {
      logger.log("error", what, { alert: name, about, advice });
    },
  };
}
