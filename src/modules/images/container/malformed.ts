/** Why a container could not be read; `reason` is a sentence for the person who sent the picture. */
export interface Malformed {
  readonly ok: false;
  readonly reason: string;
}

export function malformed(reason: string): Malformed {
  return { ok: false, reason };
}

export const truncated = (): Malformed => malformed("The picture is truncated.");
export const damaged = (): Malformed => malformed("The picture is damaged.");
export const animated = (): Malformed => malformed("Animated pictures are not accepted.");

/** Bounds the memory that a file made of empty chunks can claim; real pictures have a few thousand at most. */
export const MAX_PARTS = 65_536;
export const tooManyParts = (): Malformed => malformed("The picture is split into too many parts.");
