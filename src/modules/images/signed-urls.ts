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

async function signedUrl(deps: Pick<ImagesDeps, "keyring">, id: string, variant: ImageVariant, exp: number) {
  const sig = await deps.keyring.mac("signed-url", [id, variant, String(exp)]);
  return `/api/images/${id}/content?variant=${variant}&exp=${exp}&sig=${sig}`;
}

/** Urls that need no token: image, variant and expiry are signed. */
export async function signImageUrls(
  deps: Pick<ImagesDeps, "keyring" | "clock" | "config">,
  id: string,
): Promise<SignedImageUrls> {
  const exp = Math.floor((deps.clock.now() + deps.config.signedUrlTtlMs) / 1000);
  const [url, thumbnailUrl, thumbnail256Url] = await Promise.all([
    signedUrl(deps, id, "original", exp),
    signedUrl(deps, id, "thumbnail", exp),
    signedUrl(deps, id, "thumbnail-256", exp),
  ]);
  return { url, thumbnailUrl, thumbnail256Url, urlExpiresAt: toTimestamp(exp * 1000) };
}

/** Seconds the signature still holds, or null when it has expired or was never given for this image and variant. */
export async function verifySignedUrl(
  deps: Pick<ImagesDeps, "keyring" | "clock">,
  signed: { readonly id: string; readonly variant: ImageVariant; readonly exp: string; readonly sig: string },
): Promise<number | null> {
  const { id, variant, exp, sig } = signed;
  if (!/^\d{1,12}$/.test(exp) || !(await deps.keyring.verify("signed-url", [id, variant, exp], sig))) return null;
  const leftSeconds = Number(exp) - Math.floor(deps.clock.now() / 1000);
  return leftSeconds > 0 ? leftSeconds : null;
}
