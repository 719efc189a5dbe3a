import { sha256Hex } from "../../../kernel/encoding.ts";
import { newId } from "../../../kernel/ids.ts";
import type { ImagesDeps } from "../deps.ts";
import { imageKeys, objectKeys, smallThumbnailKey } from "../object-keys.ts";
import type { NewImage, UploadKind } from "../repository.ts";
import type { PreparedUpload } from "./prepare-upload.ts";

/** Long enough for any request; then objects that no row came to own are deleted. */
const ORPHAN_MS = 10 * 60_000;

/**
 * Promises that the objects of images about to be stored are deleted again, unless their rows come into being.
 * @returns the id of the promise, which the transaction that inserts the rows must settle.
 */
export async function promiseCleanUp(
  deps: Pick<ImagesDeps, "outbox" | "clock">,
  owners: readonly { readonly id: string; readonly userId: string }[],
): Promise<string> {
  const now = deps.clock.now();
  const id = newId("obx", now);
  const keys = owners.flatMap((owner) => objectKeys(imageKeys(owner.userId, owner.id)));
  await deps.outbox.promiseDeletion({ id, keys, dueAt: now + ORPHAN_MS, now });
  return id;
}

/** Stores the objects of an upload. The row is the caller's to insert, with whatever must come into being with it. */
export async function storeUpload(
  deps: Pick<ImagesDeps, "objects" | "clock">,
  owner: { readonly id: string; readonly userId: string; readonly kind: UploadKind },
  upload: PreparedUpload,
): Promise<NewImage> {
  const image: NewImage = {
    ...owner,
    mime: upload.mime,
    bytes: upload.original.byteLength,
    width: upload.width,
    height: upload.height,
    sha256: await sha256Hex(upload.original),
    ...imageKeys(owner.userId, owner.id),
    createdAt: deps.clock.now(),
  };
  await Promise.all([
    deps.objects.create(image.originalKey, upload.original, { mime: image.mime }),
    deps.objects.create(image.thumbnailKey, upload.thumbnail, { mime: "image/webp" }),
    deps.objects.create(smallThumbnailKey(image.thumbnailKey), upload.smallThumbnail, { mime: "image/webp" }),
  ]);
  return image;
}

/** Removes the objects of images. */
export async function deleteImageObjects(
  deps: Pick<ImagesDeps, "objects">,
  images: readonly NewImage[],
): Promise<void> {
  await deps.objects.delete(images.flatMap(objectKeys));
}
