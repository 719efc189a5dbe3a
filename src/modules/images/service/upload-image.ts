import { AppError } from "../../../kernel/app-error.ts";
import { type AuditStamp, doneBy } from "../../../kernel/audit.ts";
import { newId } from "../../../kernel/ids.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { ImagesDeps } from "../deps.ts";
import type { Image, UploadKind } from "../repository.ts";
import { prepareUpload } from "./prepare-upload.ts";
import { promiseCleanUp, storeUpload } from "./store-upload.ts";

/**
 * Checks and stores a picture: a promise to clean up, the objects, then the row that makes them findable and settles
 * the promise. Whatever fails in between, no object stays behind.
 */
export async function uploadImage(
  deps: Pick<ImagesDeps, "imageProcessor" | "objects" | "images" | "outbox" | "clock">,
  actor: Actor,
  stamp: AuditStamp,
  command: { readonly kind: UploadKind; readonly bytes: Uint8Array<ArrayBuffer> },
): Promise<Image> {
  const upload = await prepareUpload(deps, command.bytes);
  const owner = { id: newId("img", deps.clock.now()), userId: actor.userId, kind: command.kind };
  const cleanUp = await promiseCleanUp(deps, [owner]);
  const stored = await storeUpload(deps, owner, upload);
  const event = doneBy(actor, stamp, stored.createdAt, { detail: { image: stored.id } });
  const image = await deps.images.insert(stored, cleanUp, event);
  if (!image) throw new AppError("unauthenticated");
  return image;
}
