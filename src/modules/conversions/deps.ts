import type { CoreServices } from "../../kernel/core-services.ts";
import type { JobQueue } from "../../ports/job-queue.ts";
import type { OutboxRepository } from "../../ports/outbox.ts";
import type { ImagesDeps } from "../images/index.ts";
import type { ConversionRepository } from "./repository.ts";
import type { StageTimings } from "./stage-timings.ts";

/** What the api's verbs of this module may ask for. */
export interface ConversionsDeps extends CoreServices, ImagesDeps {
  readonly conversions: ConversionRepository;
  readonly timings: StageTimings;
  readonly outbox: OutboxRepository;
  readonly jobs: JobQueue;
}
