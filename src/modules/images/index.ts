import type { App } from "../../http/app-type.ts";
import { registerDeleteImage } from "./routes/delete-image.ts";
import { registerGetImage } from "./routes/get-image.ts";
import { registerGetImageContent } from "./routes/get-image-content.ts";
import { registerListImages } from "./routes/list-images.ts";
import { registerUploadImage } from "./routes/upload-image.ts";

export type { ImagesDeps } from "./deps.ts";
export type { Image, ImageRepository, NewImage } from "./repository.ts";
export { MAX_IMAGE_BYTES, prepareUpload } from "./service/prepare-upload.ts";
export { deleteImageObjects, promiseCleanUp, storeUpload } from "./service/store-upload.ts";
export { type SignedImageUrls, signImageUrls } from "./signed-urls.ts";

export function registerImages(app: App): void {
  registerUploadImage(app);
  registerListImages(app);
  registerGetImage(app);
  registerDeleteImage(app);
  registerGetImageContent(app);
}
