import { describe, expect, it } from "vitest";
import {
  concat,
  patched,
  pngBomb,
  pngChunk,
  pngHeader,
  pngOf,
  text,
  withPngChunk,
} from "../../../../test/support/pictures.ts";
import { inspectImage } from "./inspect.ts";

const NOTHING = new Uint8Array(0);
const refused = (error: "unsupported" | "invalid", reason: RegExp) => ({
  ok: false,
  error,
  reason: expect.stringMatching(reason),
});

describe("PNG that is not whole", () => {
  const png = pngOf(96, 64);
  const header = (...args: Parameters<typeof pngHeader>) => pngChunk("IHDR", pngHeader(...args));
  const withHeader = (chunk: Uint8Array) => concat([png.subarray(0, 8), chunk, png.subarray(33)]);
  const dataLength = png.length - 33 - 12 - 12;
  const data = png.subarray(41, 41 + dataLength);
  const file = (...chunks: Uint8Array[]) => concat([png.subarray(0, 8), ...chunks, pngChunk("IEND", NOTHING)]);
  const rgb = header(96, 64, 8, 2);
  const palette = pngChunk("PLTE", new Uint8Array(3));
  const idat = pngChunk("IDAT", data);
  it.each<[string, Uint8Array, RegExp]>([
    ["without IEND", png.subarray(0, -12), /truncated/],
    ["without IDAT", file(rgb), /empty/],
    ["with an empty IDAT", file(rgb, pngChunk("IDAT", NOTHING)), /empty/],
    ["with two headers", file(rgb, rgb, idat), /damaged/],
    ["with a chunk before its header", file(pngChunk("gAMA", new Uint8Array(4)), rgb, idat), /damaged/],
    ["with IDAT in two runs", file(rgb, idat, pngChunk("gAMA", new Uint8Array(4)), idat), /damaged/],
    ["with an unknown critical chunk", withPngChunk(png, "ABCD", NOTHING), /damaged/],
    ["with a chunk of no proper name", withPngChunk(png, "a1CD", NOTHING), /damaged/],
    ["with a flipped bit in its pixels", patched(png, 100, 0xaa), /damaged/],
    ["with a flipped bit in its header", patched(png, 19, 97), /damaged/],
    ["of width 0", withHeader(header(0, 64, 8, 2)), /width and height/],
    ["of 4 bits a channel in RGB", withHeader(header(96, 64, 4, 2)), /damaged/],
    ["of colour type 5", withHeader(header(96, 64, 8, 5)), /damaged/],
    ["of a palette that is missing", withHeader(header(96, 64, 8, 3)), /damaged/],
    ["of a palette of half a colour", withPngChunk(png, "PLTE", new Uint8Array(4)), /damaged/],
    ["of two palettes", file(rgb, palette, palette, idat), /damaged/],
    ["of a palette behind its pixels", file(rgb, idat, palette), /damaged/],
    ["of a palette in grey", withPngChunk(pngBomb(96, 64), "PLTE", new Uint8Array(3)), /damaged/],
    ["of a palette of 257 colours", file(rgb, pngChunk("PLTE", new Uint8Array(771)), idat), /damaged/],
    ["of an unknown interlacing", withHeader(pngChunk("IHDR", patched(pngHeader(96, 64, 8, 2), 12, 2))), /damaged/],
    ["with data in IEND", concat([png.subarray(0, -12), pngChunk("IEND", text("junk"))]), /damaged/],
    ["of a zlib window beyond 32 KB", file(rgb, pngChunk("IDAT", patched(data, 0, 0x88, 0x1c))), /damaged/],
    ["of a zlib dictionary", file(rgb, pngChunk("IDAT", patched(data, 0, 0x78, 0x20))), /damaged/],
    ["of data that is not zlib's", file(rgb, pngChunk("IDAT", patched(data, 0, 0x00))), /damaged/],
    ["of less data than its size takes", withHeader(header(8000, 3000, 8, 2)), /truncated/],
    ["mangled by a text transfer", concat([text("\x89PNG\n\x1a\n"), png.subarray(8)]), /damaged/],
  ])("refuses a PNG %s", (_, bytes, reason) => {
    expect(inspectImage(bytes)).toEqual(refused("invalid", reason));
  });

  it("accepts data split over many IDAT chunks, some of them empty", () => {
    const split = file(
      rgb,
      pngChunk("IDAT", data.subarray(0, 1)),
      pngChunk("IDAT", NOTHING),
      pngChunk("IDAT", data.subarray(1)),
    );
    expect(inspectImage(split)).toMatchObject({ ok: true });
  });
});
