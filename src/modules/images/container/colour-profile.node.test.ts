import { deflateSync } from "node:zlib";
import { expect, it } from "vitest";
import {
  concat,
  LOSSY_WEBP,
  pngOf,
  QUADRANT_JPEG,
  text,
  withJpegSegment,
  withPngChunk,
  withWebpChunk,
} from "../../../../test/support/pictures.ts";
import { readColourProfile } from "./colour-profile.ts";
import { stripMetadata } from "./strip-metadata.ts";

const APP2 = 0xe2;
const ICC_FLAG = 0x20;
const TOO_LARGE = 1_000_001;
const profileOf = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7) % 251);

function jpegWith(...pieces: readonly (readonly [number: number, data: Uint8Array])[]) {
  // Each segment is put before those that are there.
  return pieces.toReversed().reduce((jpeg, [number, data]) => {
    const head = Uint8Array.of(number, pieces.length);
    return withJpegSegment(jpeg, APP2, concat([text("ICC_PROFILE\0"), head, data]));
  }, QUADRANT_JPEG);
}
const pngWith = (data: Uint8Array) => withPngChunk(pngOf(96, 64), "iCCP", concat([text("a name\0\0"), data]));
/** Stripped, for that puts the chunk where the format wants it. */
const webpWith = (data: Uint8Array) => stripMetadata(withWebpChunk(LOSSY_WEBP, "ICCP", data, ICC_FLAG), "image/webp");

function largeJpeg() {
  const [size, profile] = [65_000, profileOf(TOO_LARGE)];
  const count = Math.ceil(profile.length / size);
  return jpegWith(
    ...Array.from({ length: count }, (_, i) => [i + 1, profile.subarray(i * size, (i + 1) * size)] as const),
  );
}

it("puts the pieces in a JPEG together in the order of their numbers", async () => {
  const profile = profileOf(900);
  const [a, b, c] = [profile.subarray(0, 300), profile.subarray(300, 500), profile.subarray(500)];
  expect(await readColourProfile(jpegWith([1, a], [2, b], [3, c]), "image/jpeg")).toEqual(profile);
  expect(await readColourProfile(jpegWith([3, c], [1, a], [2, b]), "image/jpeg")).toEqual(profile);
});

it("inflates that of a PNG, and copies that of a WebP", async () => {
  const profile = profileOf(900);
  expect(await readColourProfile(pngWith(deflateSync(profile)), "image/png")).toEqual(profile);
  expect(await readColourProfile(webpWith(profile), "image/webp")).toEqual(profile);
});

it("finds none in pictures without one", async () => {
  expect(await readColourProfile(QUADRANT_JPEG, "image/jpeg")).toBeNull();
  expect(await readColourProfile(pngOf(96, 64), "image/png")).toBeNull();
  expect(await readColourProfile(LOSSY_WEBP, "image/webp")).toBeNull();
});

it("passes over profiles that would fill an isolate's memory, and data that can't be inflated", async () => {
  expect(await readColourProfile(largeJpeg(), "image/jpeg")).toBeNull();
  expect(await readColourProfile(webpWith(profileOf(TOO_LARGE)), "image/webp")).toBeNull();
  expect(await readColourProfile(pngWith(deflateSync(new Uint8Array(50_000_000))), "image/png")).toBeNull();
  expect(await readColourProfile(pngWith(new Uint8Array(500).fill(0x78)), "image/png")).toBeNull();
});
