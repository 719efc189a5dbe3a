import { toTimestamp } from "../../kernel/clock.ts";
import type { ImagesDeps } from "./deps.ts";

export const IMAGE_VARIANTS = ["original", "thumbnail", "thumbnail-256"] as const;
export type ImageVariant = (typeof IMAGE_VARIANTS)[number];

export interface SignedImageUrls {
  readonly url: string;
  /** Of at most 512 px a side. */
  readonly thumbnailUrl: string;
  readonly thumbnail256Url: string;
  readonly urlExpiresAt: string;
}

/** The place of a variant among those that are signed together; not that of the list above, which may change. */
const PLACES = { original: 0, thumbnail: 1, "thumbnail-256": 2 } as const satisfies Record<ImageVariant, number>;

/** Urls that need no token: image, variant and expiry are signed. */
export async function signImageUrls(
  deps: Pick<ImagesDeps, "keyring" | "clock" | "config">,
  id: string,
): Promise<SignedImageUrls> {
  const exp = Math.floor((deps.clock.now() + deps.config.signedUrlTtlMs) / 1000);
  const signatures = await deps.keyring.macThree("signed-url", [id, String(exp)]);
  const url = (variant: ImageVariant) =>
    `/api/images/${id}/content?variant=${variant}&exp=${exp}&sig=${signatures[PLACES[variant]]}`;
  return {
    url: url("original"),
    thumbnailUrl: url("thumbnail"),
    thumbnail256Url: url("thumbnail-256"),
    urlExpiresAt: toTimestamp(exp * 1000),
  };
}

/** Seconds the signature still holds, or null when it has expired or was never given for this image and variant. */
export async function verifySignedUrl(
  deps: Pick<ImagesDeps, "keyring" | "clock">,
  signed: { readonly id: string; readonly variant: ImageVariant; readonly exp: string; readonly sig: string },
): Promise<number | null> {
  const { id, variant, exp, sig } = signed;
  if (!/^\d{1,12}$/.test(exp)) return null;
  if (!(await deps.keyring.verifyOfThree("signed-url", [id, exp], PLACES[variant], sig))) return null;
  const leftSeconds = Number(exp) - Math.floor(deps.clock.now() / 1000);
  return leftSeconds > 0 ? leftSeconds : null;
}
