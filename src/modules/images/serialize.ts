import { toTimestamp, toTimestampOrNull } from "../../kernel/clock.ts";
import type { ImagesDeps } from "./deps.ts";
import type { Image } from "./repository.ts";
import type { ImageBody } from "./schemas.ts";
import { signImageUrls } from "./signed-urls.ts";

/** The wire form of an image, with fresh signed urls. */
export async function serializeImage(
  deps: Pick<ImagesDeps, "keyring" | "clock" | "config">,
  image: Image,
): Promise<ImageBody> {
  return {
    id: image.id,
    kind: image.kind,
    mime: image.mime,
    bytes: image.bytes,
    width: image.width,
    height: image.height,
    sha256: image.sha256,
    ...(await signImageUrls(deps, image.id)),
    createdAt: toTimestamp(image.createdAt),
    expiresAt: toTimestampOrNull(image.expiresAt),
  };
}

/** The strong validator of an image resource: it never changes, and fresh signatures don't count. */
export function imageEtag(image: Image): string {
  return `"${image.sha256}"`;
}
