import { AppError } from "../../../kernel/app-error.ts";
import { type AuditStamp, doneBy } from "../../../kernel/audit.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { ImagesDeps } from "../deps.ts";
import { deleteImageObjects } from "./store-upload.ts";

/** Deletes an image and its objects; what the background task can't do, the outbox entry has the sweeper do. */
export async function deleteImage(
  deps: Pick<ImagesDeps, "images" | "objects" | "outbox" | "clock" | "background">,
  actor: Actor,
  stamp: AuditStamp,
  id: string,
): Promise<void> {
  const now = deps.clock.now();
  const event = doneBy(actor, stamp, now, { detail: { image: id } });
  const outcome = await deps.images.remove(actor.userId, id, now, event);
  if (outcome.kind === "not_found") throw new AppError("image_not_found");
  if (outcome.kind === "in_use") throw new AppError("image_in_use");
  deps.background(deleteImageObjects(deps, [outcome.image]).then(() => deps.outbox.settle(outcome.outboxId)));
}
