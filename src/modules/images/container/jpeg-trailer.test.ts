import { describe, expect, it } from "vitest";
import {
  concat,
  jpegWithTrailer,
  LOSSY_WEBP,
  motionPhotoFilm,
  PROGRESSIVE_JPEG,
  pngOf,
  QUADRANT_JPEG,
  samsungTrailer,
  text,
  truncated,
} from "../../../../test/support/pictures.ts";
import { inspectImage } from "./inspect.ts";

const film = motionPhotoFilm();
const padding = text("\0\0\0\xff\xff\0");

/** Samsung's trailer with `byte` at `at`, counted from its end. */
function patchedTrailer(at: number, byte: number): Uint8Array {
  const trailer = samsungTrailer();
  trailer[trailer.length + at] = byte;
  return trailer;
}

describe("what phones append", () => {
  it.each<[string, Uint8Array]>([
    ["zeros", new Uint8Array(1000)],
    ["0xFF", new Uint8Array(1000).fill(0xff)],
    ["a second picture", PROGRESSIVE_JPEG],
    ["two pictures with padding between", concat([padding, QUADRANT_JPEG, padding, PROGRESSIVE_JPEG, padding])],
    ["a film", film],
    ["a film whose last box runs to the end", concat([film, text("\0\0\0\0freeanything")])],
    ["a film with a box of 64-bit size", concat([film, text("\0\0\0\x01free\0\0\0\0\0\0\0\x10")])],
    ["a film behind padding", concat([padding, film])],
    ["a gain map and a film", concat([QUADRANT_JPEG, film])],
    ["Samsung's trailer", samsungTrailer()],
    ["a film and Samsung's trailer", concat([film, samsungTrailer()])],
    ["a film inside Samsung's trailer", samsungTrailer("MotionPhoto_Data", film)],
    ["a gain map and Samsung's trailer", concat([QUADRANT_JPEG, samsungTrailer()])],
  ])("accepts a JPEG followed by %s", (_, trailer) => {
    expect(inspectImage(jpegWithTrailer(QUADRANT_JPEG, trailer))).toMatchObject({ ok: true, width: 96, height: 64 });
  });

  it("accepts padding behind PNG and WebP", () => {
    expect(inspectImage(concat([pngOf(96, 64), padding]))).toMatchObject({ ok: true });
    expect(inspectImage(concat([LOSSY_WEBP, padding]))).toMatchObject({ ok: true });
  });
});

describe("polyglots", () => {
  const hostile: [string, Uint8Array][] = [
    ["HTML", text("<html><script>alert(1)</script></html>")],
    ["PHP", text("<?php system($_GET[0]); ?>")],
    ["JavaScript", text("*/alert(1)//")],
    ["a ZIP archive", text("PK\x03\x04\x14\0\0\0\0\0")],
    ["a PDF", text("%PDF-1.7")],
    ["HTML behind padding", concat([padding, text("<html>")])],
    ["one byte", text("x")],
  ];

  it.each(hostile)("refuses JPEG, PNG and WebP followed by %s", (_, trailer) => {
    for (const bytes of [QUADRANT_JPEG, pngOf(96, 64), LOSSY_WEBP]) {
      expect(inspectImage(concat([bytes, trailer]))).toEqual({
        ok: false,
        error: "invalid",
        reason: expect.stringContaining("does not belong"),
      });
    }
  });

  it.each<[string, Uint8Array]>([
    ["a truncated second picture", truncated(QUADRANT_JPEG)],
    ["a second picture without pixels", text("\xff\xd8\xff\xd9")],
    ["HTML behind a second picture", concat([QUADRANT_JPEG, text("<html>")])],
    ["a truncated film", film.subarray(0, -1)],
    ["a film without its index", text("\0\0\0\x10ftypmp42\0\0\0\0")],
    ["HTML behind a film", concat([film, text("<html>")])],
    ["HTML before Samsung's trailer", concat([text("<html>"), samsungTrailer()])],
    ["HTML behind Samsung's trailer", concat([samsungTrailer(), text("<html>")])],
    ["a box of size 1 whose long size overflows", concat([film, text("\0\0\0\x01free"), new Uint8Array(8).fill(0xff)])],
    ["a box of more than 4 GB", concat([film, text("\0\0\0\x01free\0\0\0\x01\0\0\0\x10")])],
    [
      "a Samsung trailer that claims four billion entries and reads like them",
      concat([new Uint8Array(200), text("SEFH\x65\0\0\0\xff\xff\xff\xff\0\0\x01\x0a\xc8\0\0\0\x14\0\0\0SEFT")]),
    ],
    ["a Samsung trailer of a block longer than the distance to it", patchedTrailer(-12, 0xff)],
    ["a truncated Samsung trailer", samsungTrailer().subarray(0, -1)],
  ])("refuses a JPEG followed by %s", (_, trailer) => {
    expect(inspectImage(jpegWithTrailer(QUADRANT_JPEG, trailer))).toMatchObject({ ok: false, error: "invalid" });
  });

  it("refuses a Samsung trailer that claims to begin inside the picture", () => {
    expect(inspectImage(jpegWithTrailer(QUADRANT_JPEG, patchedTrailer(-16, 0xff)))).toMatchObject({
      ok: false,
      error: "invalid",
    });
  });
});
