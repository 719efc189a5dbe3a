import { describe, expect, it } from "vitest";
import {
  concat,
  indexOf,
  PROGRESSIVE_JPEG,
  patched,
  QUADRANT_JPEG,
  text,
  withJpegSegment,
} from "../../../../test/support/pictures.ts";
import { inspectImage } from "./inspect.ts";

const refused = (error: "unsupported" | "invalid", reason: RegExp) => ({
  ok: false,
  error,
  reason: expect.stringMatching(reason),
});

describe("JPEG that is not whole", () => {
  const sof = indexOf(QUADRANT_JPEG, 0xff, 0xc0);
  const sos = indexOf(QUADRANT_JPEG, 0xff, 0xda);
  const withoutEoi = QUADRANT_JPEG.subarray(0, -2);
  const scan = QUADRANT_JPEG.subarray(sos + 14);
  const greyScan = concat([QUADRANT_JPEG.subarray(0, sos), text("\xff\xda\0\x08\x01\x01\0\0\x3f\0"), scan]);
  const dc = indexOf(PROGRESSIVE_JPEG, 0xff, 0xda);
  const ac = dc + indexOf(PROGRESSIVE_JPEG.subarray(dc), 0xff, 0xc4);
  const frame = (...bytes: number[]) => concat([QUADRANT_JPEG.subarray(0, sof), Uint8Array.from(bytes)]);
  it.each<[string, Uint8Array, RegExp]>([
    ["without EOI", withoutEoi, /truncated/],
    ["padded with zeros in place of EOI", concat([withoutEoi, new Uint8Array(99)]), /truncated/],
    [
      "cut in its pixels and closed again",
      concat([QUADRANT_JPEG.subarray(0, sos + 24), text("\xff\xd9")]),
      /truncated/,
    ],
    ["with a scan of no data", concat([QUADRANT_JPEG.subarray(0, sos + 14), text("\xff\xd9")]), /truncated/],
    ["of a segment longer than the file", patched(QUADRANT_JPEG, 4, 0xff, 0xff), /truncated/],
    ["without a scan", concat([QUADRANT_JPEG.subarray(0, sos), text("\xff\xd9")]), /empty/],
    ["without a frame", concat([QUADRANT_JPEG.subarray(0, sof), QUADRANT_JPEG.subarray(sof + 19)]), /damaged/],
    ["with two frames", concat([QUADRANT_JPEG.subarray(0, sof + 19), QUADRANT_JPEG.subarray(sof)]), /damaged/],
    ["with junk between segments", concat([text("\xff\xd8\xff\xfe\0\x02junk"), QUADRANT_JPEG.subarray(2)]), /damaged/],
    ["with a length below two", patched(QUADRANT_JPEG, 4, 0, 1), /damaged/],
    ["of height 0", patched(QUADRANT_JPEG, sof + 5, 0, 0), /width and height/],
    ["whose height comes later (DNL)", withJpegSegment(QUADRANT_JPEG, 0xdc, text("\0\x40")), /Only baseline/],
    ["of 12 bits", patched(QUADRANT_JPEG, sof + 4, 12), /8 bits/],
    ["of sampling that JPEG does not have", patched(QUADRANT_JPEG, sof + 11, 0x51), /damaged/],
    ["without the scans of its colours", greyScan, /truncated/],
    [
      "without the scan of its coarse values",
      concat([PROGRESSIVE_JPEG.subarray(0, dc), PROGRESSIVE_JPEG.subarray(ac)]),
      /truncated/,
    ],
    [
      "with a scan of no data among others",
      concat([QUADRANT_JPEG.subarray(0, -2), QUADRANT_JPEG.subarray(sos, sos + 14), text("\xff\xd9")]),
      /truncated/,
    ],
    ["with an unstuffed byte in its pixels", concat([withoutEoi, text("\xff\xff\0"), text("\xff\xd9")]), /damaged/],
    ["of a scan of an unknown component", patched(QUADRANT_JPEG, sos + 5, 9), /damaged/],
    [
      "of two components",
      frame(0xff, 0xc0, 0, 14, 8, 0, 64, 0, 96, 2, 1, 17, 0, 2, 17, 0, ...QUADRANT_JPEG.subarray(sof + 19)),
      /damaged/,
    ],
    [
      "in CMYK",
      frame(
        0xff,
        0xc0,
        0,
        20,
        8,
        0,
        64,
        0,
        96,
        4,
        1,
        17,
        0,
        2,
        17,
        0,
        3,
        17,
        0,
        4,
        17,
        0,
        ...QUADRANT_JPEG.subarray(sof + 19),
      ),
      /CMYK/,
    ],
  ])("refuses a JPEG %s", (_, bytes, reason) => {
    expect(inspectImage(bytes)).toEqual(refused("invalid", reason));
  });

  it.each([0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf])(
    "refuses the coding of SOF marker %i",
    (marker) => {
      expect(inspectImage(patched(QUADRANT_JPEG, sof + 1, marker))).toEqual(refused("invalid", /Only baseline/));
    },
  );

  it("refuses a progressive JPEG of more scans than any encoder writes", () => {
    const first = indexOf(PROGRESSIVE_JPEG, 0xff, 0xda);
    const last = PROGRESSIVE_JPEG.length - 2;
    const scans = PROGRESSIVE_JPEG.subarray(first, last);
    const repeated = (times: number) =>
      concat([PROGRESSIVE_JPEG.subarray(0, first), ...Array<Uint8Array>(times).fill(scans), text("\xff\xd9")]);
    expect(inspectImage(repeated(5))).toMatchObject({ ok: true });
    expect(inspectImage(repeated(50))).toEqual(refused("invalid", /too many scans/));
  });

  it("follows restart markers and fill bytes through the pixels", () => {
    const restarts = concat([
      QUADRANT_JPEG.subarray(0, sos + 24),
      text("\xff\xd0"),
      QUADRANT_JPEG.subarray(sos + 24, -2),
    ]);
    expect(inspectImage(concat([restarts, text("\xff\xff\xff\xd9")]))).toMatchObject({ ok: true });
  });

  it("reads the frame, not the thumbnail inside EXIF", () => {
    const thumbnail = withJpegSegment(
      QUADRANT_JPEG,
      0xe1,
      concat([text("Exif\0\0"), patched(QUADRANT_JPEG, sof + 5, 0, 9)]),
    );
    expect(inspectImage(thumbnail)).toMatchObject({ ok: true, width: 96, height: 64 });
  });
});
