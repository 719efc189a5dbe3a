import { createLogger } from "../../kernel/logger.ts";

/** Outcomes that the invocation itself could not log, because it was cut off. */
const CUT_OFF = new Set(["exceededCpu", "exceededMemory", "exception", "scriptNotFound", "unknown"]);

export { AlertDesk, MetricsShard } from "../../../durable-objects/index.ts";

export default {
  tail(events) {
    const logger = createLogger({ level: "info", format: "json" }, { service: "tail" });
    for (const event of events) {
      if (!CUT_OFF.has(event.outcome)) continue;
      logger.log("error", "invocation cut off", {
        script: event.scriptName,
        outcome: event.outcome,
        at: event.eventTimestamp,
        exception: event.exceptions[0]?.name,
      });
    }
  },
} satisfies ExportedHandler;
