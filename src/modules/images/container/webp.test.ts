import { describe, expect, it } from "vitest";
import { ALPHA_WEBP, concat, LOSSLESS_WEBP, LOSSY_WEBP, patched, text } from "../../../../test/support/pictures.ts";
import { inspectImage } from "./inspect.ts";

const refused = (error: "unsupported" | "invalid", reason: RegExp) => ({
  ok: false,
  error,
  reason: expect.stringMatching(reason),
});

describe("WebP that is not whole", () => {
  it.each<[string, Uint8Array, RegExp]>([
    ["of a RIFF size beyond the file", patched(LOSSY_WEBP, 4, 0xff, 0xff), /truncated/],
    ["of a RIFF size short of the chunks", patched(LOSSY_WEBP, 4, 100), /truncated/],
    ["of a chunk beyond the RIFF size", patched(LOSSY_WEBP, 16, 0xff), /truncated/],
    ["of a first partition beyond its chunk", patched(LOSSY_WEBP, 21, 0xff), /truncated/],
    ["without a picture", text("RIFF\x04\0\0\0WEBP"), /empty/],
    ["without VP8 start code", patched(LOSSY_WEBP, 23, 0), /damaged/],
    ["without a key frame", patched(LOSSY_WEBP, 20, 0x51), /damaged/],
    ["whose frame is hidden", patched(LOSSY_WEBP, 20, 0x40), /damaged/],
    ["of an unknown VP8 version", patched(LOSSY_WEBP, 20, 0x58), /damaged/],
    ["of width 0", patched(LOSSY_WEBP, 26, 0, 0), /width and height/],
    ["of no VP8L signature", patched(LOSSLESS_WEBP, 20, 0), /damaged/],
    ["of another VP8L version", patched(LOSSLESS_WEBP, 24, 0xff), /damaged/],
    ["whose canvas is not the picture's size", patched(ALPHA_WEBP, 24, 100), /two different sizes/],
    ["of a VP8X chunk cut short", riff("VP8X\x06\0\0\0\0\0\0\0\x5f\0", LOSSY_WEBP.subarray(12)), /damaged/],
    ["of a VP8 chunk cut short", riff("VP8 \x04\0\0\0", LOSSY_WEBP.subarray(20, 24)), /truncated/],
    ["of a VP8L chunk cut short", riff("VP8L\x05\0\0\0", LOSSLESS_WEBP.subarray(20, 25), text("\0")), /truncated/],
    ["of two pictures", patchedSize(concat([LOSSY_WEBP, LOSSY_WEBP.subarray(12)])), /damaged/],
    [
      "that starts with another chunk",
      patchedSize(concat([text("RIFF____WEBPEXIF\0\0\0\0"), LOSSY_WEBP.subarray(12)])),
      /damaged/,
    ],
  ])("refuses a WebP %s", (_, bytes, reason) => {
    expect(inspectImage(bytes)).toEqual(refused("invalid", reason));
  });

  function riff(start: string, ...parts: Uint8Array[]): Uint8Array {
    return patchedSize(concat([text(`RIFF____WEBP${start}`), ...parts]));
  }

  function patchedSize(bytes: Uint8Array): Uint8Array {
    const size = bytes.length - 8;
    return patched(bytes, 4, size & 255, size >> 8, 0, 0);
  }
});
