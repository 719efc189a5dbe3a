import { newId } from "../../../kernel/ids.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { ImagesDeps } from "../deps.ts";
import type { Image, UploadKind } from "../repository.ts";
import { prepareUpload } from "./prepare-upload.ts";
import { deleteImageObjects, storeUpload } from "./store-upload.ts";

/** Checks and stores a picture: objects first, then the row that makes them findable. */
export async function uploadImage(
  deps: Pick<ImagesDeps, "imageProcessor" | "objects" | "images" | "clock" | "background">,
  actor: Actor,
  command: { readonly kind: UploadKind; readonly bytes: Uint8Array<ArrayBuffer> },
): Promise<Image> {
  const upload = await prepareUpload(deps, command.bytes);
  const owner = { id: newId("img", deps.clock.now()), userId: actor.userId, kind: command.kind };
  const image = await storeUpload(deps, owner, upload);
  try {
    await deps.images.insert(image);
  } catch (error) {
    deps.background(deleteImageObjects(deps, [image]));
    throw error;
  }
  return image;
}
