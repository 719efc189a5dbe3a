import { AppError } from "../../../kernel/app-error.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { ImagesDeps } from "../deps.ts";
import type { Image } from "../repository.ts";

/** The caller's image, uploaded or made by a conversion. */
export async function getImage(deps: Pick<ImagesDeps, "images">, actor: Actor, id: string): Promise<Image> {
  const image = await deps.images.find(actor.userId, id);
  if (!image) throw new AppError("image_not_found");
  return image;
}
