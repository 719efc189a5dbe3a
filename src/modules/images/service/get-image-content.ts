import { AppError } from "../../../kernel/app-error.ts";
import type { ImageMime } from "../../../ports/image-codec.ts";
import type { ObjectBody } from "../../../ports/object-store.ts";
import type { ImagesDeps } from "../deps.ts";
import { smallThumbnailKey } from "../object-keys.ts";
import type { Image } from "../repository.ts";
import { type ImageVariant, verifySignedUrl } from "../signed-urls.ts";

/** How the caller may see the picture: as its owner, or by a signature, for the seconds it still holds. */
export type ContentAccess =
  | { readonly kind: "owner"; readonly userId: string }
  | { readonly kind: "signature"; readonly exp: string; readonly sig: string };

export interface FoundContent {
  readonly image: Image;
  readonly mime: ImageMime;
  /** The bytes are under the first of these keys that has any. */
  readonly keys: readonly string[];
  readonly etag: string;
  /** Seconds a browser may keep the picture without asking; null for the owner's own requests. */
  readonly maxAgeSeconds: number | null;
}

/** Finds a picture the caller may see. A bad signature tells nothing about whether the image exists. */
export async function findContent(
  deps: Pick<ImagesDeps, "images" | "keyring" | "clock">,
  id: string,
  variant: ImageVariant,
  access: ContentAccess,
): Promise<FoundContent> {
  let maxAgeSeconds: number | null = null;
  if (access.kind === "signature") {
    maxAgeSeconds = await verifySignedUrl(deps, { id, variant, exp: access.exp, sig: access.sig });
    if (maxAgeSeconds === null) throw new AppError("invalid_signature");
  }
  const image = access.kind === "owner" ? await deps.images.find(access.userId, id) : await deps.images.findAny(id);
  if (!image) throw new AppError("image_not_found");
  return { image, ...fileOf(image, variant), maxAgeSeconds };
}

function fileOf(image: Image, variant: ImageVariant): Pick<FoundContent, "mime" | "keys" | "etag"> {
  const { mime, originalKey, thumbnailKey, sha256 } = image;
  switch (variant) {
    case "original":
      return { mime, keys: [originalKey], etag: `"${sha256}"` };
    case "thumbnail":
      return { mime: "image/webp", keys: [thumbnailKey], etag: `"${sha256}-thumbnail"` };
    case "thumbnail-256":
      return {
        mime: "image/webp",
        // Images stored before there were two have the larger one alone.
        keys: [smallThumbnailKey(thumbnailKey), thumbnailKey],
        etag: `"${sha256}-thumbnail-256"`,
      };
  }
}

/** Where the bytes of a picture are, and how many. */
export async function locateContent(
  deps: Pick<ImagesDeps, "objects">,
  { keys }: Pick<FoundContent, "keys">,
): Promise<{ readonly key: string; readonly size: number }> {
  for (const key of keys) {
    const head = await deps.objects.head(key);
    if (head) return { key, size: head.size };
  }
  throw new AppError("image_not_found");
}

/** The bytes of a picture, or a part of them. */
export async function openContent(
  deps: Pick<ImagesDeps, "objects">,
  key: string,
  range?: { readonly offset: number; readonly length: number },
): Promise<ObjectBody> {
  const object = await deps.objects.get(key, range);
  if (!object) throw new AppError("image_not_found");
  return object;
}
