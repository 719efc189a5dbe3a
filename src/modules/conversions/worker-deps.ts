import type { Clock } from "../../kernel/clock.ts";
import type { Config } from "../../kernel/config.ts";
import type { Logger } from "../../kernel/logger.ts";
import type { ImageMime } from "../../ports/image-codec.ts";
import type { ImageGenerator, ProviderId, SourceImage } from "../../ports/image-generator.ts";
import type { JobQueue } from "../../ports/job-queue.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import type { OutboxRepository } from "../../ports/outbox.ts";
import type { ImageRepository } from "../images/index.ts";
import type { ConversionRepository } from "./repository.ts";

/** Pixel work around a generation. */
export interface ResultPictures {
  /** The picture small enough for every provider (at most 4 MP); as it is where it already is. */
  shrink(image: SourceImage & { readonly width: number; readonly height: number }): Promise<SourceImage>;
  /** The same picture with an XMP mark that says how a machine made it (IPTC digital source type). */
  mark(bytes: Uint8Array, mime: ImageMime, provider: ProviderId): Uint8Array<ArrayBuffer>;
  /** A WebP of at most 512 px a side. */
  thumbnail(bytes: Uint8Array, mime: ImageMime): Promise<Uint8Array<ArrayBuffer>>;
}

/** What the consumer's verbs may ask for. */
export interface ConversionWorkerDeps {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly conversions: ConversionRepository;
  readonly images: Pick<ImageRepository, "findAny">;
  readonly objects: ObjectStore;
  readonly outbox: OutboxRepository;
  readonly jobs: JobQueue;
  readonly pictures: ResultPictures;
  readonly generators: ReadonlyMap<ProviderId, ImageGenerator>;
}
