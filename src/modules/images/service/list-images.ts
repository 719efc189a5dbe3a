import type { Page, PageRequest } from "../../../kernel/page.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { ImagesDeps } from "../deps.ts";
import type { Image, UploadKind } from "../repository.ts";

/** One page of the caller's uploads, newest first. Results are found through their conversions. */
export function listImages(
  deps: Pick<ImagesDeps, "images">,
  actor: Actor,
  kind: UploadKind | null,
  page: PageRequest,
): Promise<Page<Image>> {
  return deps.images.list(actor.userId, kind, page);
}
