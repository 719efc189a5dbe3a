import { AppError } from "../../kernel/app-error.ts";
import type { ImageProcessor, PreparedImage, PrepareRequest } from "../../ports/image-processor.ts";

const TIMEOUT_MS = 25_000;

/** The part of the consumer Worker's RPC interface that the api calls. */
export interface ImageProcessorBinding {
  prepare(request: PrepareRequest): Promise<PreparedImage>;
}

/** The image processor behind a service binding; a call that fails or takes too long is `service_unavailable`. */
export function createRemoteImageProcessor(binding: ImageProcessorBinding): ImageProcessor {
  return {
    async prepare(request) {
      const { promise: timeout, reject } = Promise.withResolvers<never>();
      const timer = setTimeout(() => reject(new Error("the image processor took too long")), TIMEOUT_MS);
      try {
        return await Promise.race([binding.prepare(request), timeout]);
      } catch (cause) {
        throw new AppError("service_unavailable", { cause });
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
