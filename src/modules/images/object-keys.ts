import type { Image } from "./repository.ts";

type StoredKeys = Pick<Image, "originalKey" | "thumbnailKey">;

/** The keys that an image's row names. */
export function imageKeys(userId: string, id: string): StoredKeys {
  const folder = `images/${userId}/${id}`;
  return { originalKey: `${folder}/original`, thumbnailKey: `${folder}/thumbnail` };
}

/** Beside the larger one, so that no row names it. Images stored before there were two have nothing there. */
export function smallThumbnailKey(thumbnailKey: string): string {
  return `${thumbnailKey}-256`;
}

/** The keys of all objects that an image may have: what goes when it goes. */
export function objectKeys({ originalKey, thumbnailKey }: StoredKeys): string[] {
  return [originalKey, thumbnailKey, smallThumbnailKey(thumbnailKey)];
}
