import type { Background } from "../../kernel/background.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Config } from "../../kernel/config.ts";
import type { Logger } from "../../kernel/logger.ts";
import type { Alerts } from "../../ports/alerts.ts";
import type { Analytics } from "../../ports/analytics.ts";
import type { CircuitBreakers } from "../../ports/circuit-breaker.ts";
import type { ErrorReporter } from "../../ports/error-reporter.ts";
import type { ImageMime } from "../../ports/image-codec.ts";
import type { ImageGenerator, ProviderId, SourceImage } from "../../ports/image-generator.ts";
import type { JobQueue } from "../../ports/job-queue.ts";
import type { Metrics } from "../../ports/metrics.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import type { OutboxRepository } from "../../ports/outbox.ts";
import type { Tracer } from "../../ports/tracer.ts";
import type { DeadLetterRepository } from "./dead-letters.ts";
import type { ProviderCallRepository } from "./provider-calls.ts";
import type { ConversionRepository } from "./repository.ts";

/** A result ready to store. */
export interface FinishedPicture {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mime: ImageMime;
  readonly width: number;
  readonly height: number;
  /** WebP, at most 512 px a side. */
  readonly thumbnail: Uint8Array<ArrayBuffer>;
  /** WebP, at most 256 px a side. */
  readonly smallThumbnail: Uint8Array<ArrayBuffer>;
}

/** Pixel work around a generation. */
export interface ResultPictures {
  /**
   * A source, small enough for every provider and to wait with (at most 4 MP). It is loaded when there is room for it:
   * whole originals are large.
   */
  shrink(load: () => Promise<SourceImage>): Promise<SourceImage>;
  /**
   * A provider's picture as it is kept: in the format that was asked for, of sensible dimensions, without metadata but
   * an XMP mark that says how a machine made it (IPTC digital source type), with thumbnails.
   * @throws {GenerationError} `no_image` when the bytes are no picture anyone could use.
   */
  finish(
    image: { readonly bytes: Uint8Array; readonly mime: ImageMime },
    options: { readonly outputMime: ImageMime; readonly provider: ProviderId },
  ): Promise<FinishedPicture>;
}

/** What the consumer's verbs may ask for. */
export interface ConversionWorkerDeps {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly background: Background;
  readonly metrics: Metrics;
  readonly tracer: Tracer;
  readonly errors: ErrorReporter;
  readonly analytics: Analytics;
  readonly alerts: Alerts;
  readonly conversions: ConversionRepository;
  readonly calls: ProviderCallRepository;
  readonly deadLetters: DeadLetterRepository;
  readonly objects: ObjectStore;
  readonly outbox: OutboxRepository;
  readonly jobs: JobQueue;
  readonly pictures: ResultPictures;
  readonly circuits: CircuitBreakers;
  readonly generators: ReadonlyMap<ProviderId, ImageGenerator>;
}
