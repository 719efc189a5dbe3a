import type { CoreServices } from "../../kernel/core-services.ts";
import type { ImageProcessor } from "../../ports/image-processor.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import type { OutboxRepository } from "../../ports/outbox.ts";
import type { ImageRepository } from "./repository.ts";

export interface ImagesDeps extends CoreServices {
  readonly images: ImageRepository;
  readonly objects: ObjectStore;
  readonly outbox: OutboxRepository;
  readonly imageProcessor: ImageProcessor;
}
