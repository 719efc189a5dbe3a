import { sha256Hex } from "../../../kernel/encoding.ts";
import type { ImagesDeps } from "../deps.ts";
import type { NewImage, UploadKind } from "../repository.ts";
import type { PreparedUpload } from "./prepare-upload.ts";

/** Stores the objects of an upload. The row is the caller's to insert, with whatever must come into being with it. */
export async function storeUpload(
  deps: Pick<ImagesDeps, "objects" | "clock">,
  owner: { readonly id: string; readonly userId: string; readonly kind: UploadKind },
  upload: PreparedUpload,
): Promise<NewImage> {
  const folder = `images/${owner.userId}/${owner.id}`;
  const image: NewImage = {
    ...owner,
    mime: upload.mime,
    bytes: upload.original.byteLength,
    width: upload.width,
    height: upload.height,
    sha256: await sha256Hex(upload.original),
    originalKey: `${folder}/original`,
    thumbnailKey: `${folder}/thumbnail`,
    createdAt: deps.clock.now(),
  };
  await Promise.all([
    deps.objects.create(image.originalKey, upload.original, { mime: image.mime }),
    deps.objects.create(image.thumbnailKey, upload.thumbnail, { mime: "image/webp" }),
  ]);
  return image;
}

/** Removes the objects of images whose rows never came into being. */
export async function deleteImageObjects(
  deps: Pick<ImagesDeps, "objects">,
  images: readonly NewImage[],
): Promise<void> {
  await deps.objects.delete(images.flatMap((image) => [image.originalKey, image.thumbnailKey]));
}
