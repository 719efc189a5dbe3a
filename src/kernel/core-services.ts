import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import type { Keyring } from "./keyring.ts";
import type { Logger } from "./logger.ts";

/** Runs work after the answer has been sent; it may be cut off, so nothing may depend on it alone. */
export type Background = (task: Promise<unknown>) => void;

/** What every verb of the api may ask for, whatever its module. */
export interface CoreServices {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly keyring: Keyring;
  readonly background: Background;
}
