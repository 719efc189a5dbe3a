import type { Alerts } from "../ports/alerts.ts";
import type { ErrorReporter } from "../ports/error-reporter.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { Tracer } from "../ports/tracer.ts";
import type { Background } from "./background.ts";
import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import type { Keyring } from "./keyring.ts";
import type { Logger } from "./logger.ts";
import type { Origin } from "./trace-context.ts";

/** What every verb of the api may ask for, whatever its module. */
export interface CoreServices {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly keyring: Keyring;
  readonly background: Background;
  readonly metrics: Metrics;
  readonly tracer: Tracer;
  readonly errors: ErrorReporter;
  readonly alerts: Alerts;
  /** The request that is being answered; null where there is none. */
  readonly origin: Origin | null;
}
