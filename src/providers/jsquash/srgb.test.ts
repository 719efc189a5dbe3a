import { describe, expect, it } from "vitest";
import { conversionToSrgb } from "./srgb.ts";

const ascii = (text: string) => Array.from(text, (char) => char.charCodeAt(0));
const u16 = (value: number) => [value >> 8, value & 255];
const u32 = (value: number) => [...u16(value >>> 16), ...u16(value & 0xffff)];

type Xyz = readonly [number, number, number];
/** Of D50. */
const SRGB: readonly Xyz[] = [
  [0.43607, 0.2225, 0.01393],
  [0.38506, 0.71688, 0.0971],
  [0.14308, 0.06062, 0.71417],
];
const ADOBE_RGB: readonly Xyz[] = [
  [0.60974, 0.31111, 0.01947],
  [0.20528, 0.62567, 0.06087],
  [0.14919, 0.06322, 0.74457],
];
/** `parametricCurveType` 3 with the numbers of sRGB, and type 4 with two more. */
const SRGB_CURVE = para(3, [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045]);

function fixed(values: readonly number[]): number[] {
  return values.flatMap((value) => {
    const bits = Math.round(value * 65_536);
    return [(bits >> 24) & 255, (bits >> 16) & 255, (bits >> 8) & 255, bits & 255];
  });
}

function para(type: number, numbers: readonly number[]): number[] {
  return [...ascii("para"), 0, 0, 0, 0, ...u16(type), 0, 0, ...fixed(numbers)];
}

function curv(entries: readonly number[], count = entries.length): number[] {
  return [...ascii("curv"), 0, 0, 0, 0, ...u32(count), ...entries.flatMap(u16)];
}

function profile(primaries: readonly Xyz[], curve: readonly number[], space = "RGB "): Uint8Array {
  const tags = [
    ...["rXYZ", "gXYZ", "bXYZ"].map((name, i) => ({
      name,
      data: [...ascii("XYZ "), 0, 0, 0, 0, ...fixed(primaries[i] ?? [])],
    })),
    ...["rTRC", "gTRC", "bTRC"].map((name) => ({ name, data: curve })),
  ];
  const header = new Array<number>(128).fill(0);
  header.splice(16, 8, ...ascii(space), ...ascii("XYZ "));
  header.splice(36, 4, ...ascii("acsp"));
  let at = 132 + 12 * tags.length;
  const table: number[] = [];
  for (const { name, data } of tags) {
    table.push(...ascii(name), ...u32(at), ...u32(data.length));
    at += data.length;
  }
  return Uint8Array.from([...header, ...u32(tags.length), ...table, ...tags.flatMap(({ data }) => data)]);
}

function withTagCount(of: Uint8Array, count: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(of);
  bytes.set(u32(count), 128);
  return bytes;
}

function converted(of: Uint8Array, pixel: readonly number[]): number[] {
  const data = Uint8ClampedArray.from([...pixel, 77]);
  conversionToSrgb(of)?.({ width: 1, height: 1, data });
  return [...data];
}

describe("the pixels of a picture with a colour profile", () => {
  it("are turned by its curves, greys stay grey, and alpha as it is", () => {
    expect(converted(profile(SRGB, curv([])), [128, 128, 128])).toEqual([188, 188, 188, 77]);
    expect(converted(profile(SRGB, curv([461])), [128, 128, 128])).toEqual([146, 146, 146, 77]);
  });

  it.each([
    ["one exponent", curv([Math.round(2.19921875 * 256)])],
    ["samples", curv(Array.from({ length: 1024 }, (_, i) => Math.round((i / 1023) ** 2.19921875 * 65_535)))],
    ["a function", para(0, [2.19921875])],
    ["a function with a straight beginning", para(4, [2.19921875, 1, 0, 0, 0, 0, 0])],
  ])("are turned by its primaries, with curves that are %s", (_, curve) => {
    const adobe = profile(ADOBE_RGB, curve);
    // By the matrix of Adobe RGB (1998) and sRGB that goes by way of D65.
    const wanted = [230, 79, 56];
    const off = converted(adobe, [200, 80, 60])
      .slice(0, 3)
      .map((value, i) => Math.abs(value - (wanted[i] ?? 0)));
    expect(Math.max(...off)).toBeLessThanOrEqual(1);
    expect(converted(adobe, [255, 255, 255])).toEqual([255, 255, 255, 77]);
    expect(converted(adobe, [0, 0, 0])).toEqual([0, 0, 0, 77]);
    expect(converted(adobe, [0, 255, 0]).slice(0, 2)).toEqual([0, 255]);
  });

  it("stay as they are where it is sRGB's own", () => {
    expect(conversionToSrgb(profile(SRGB, SRGB_CURVE))).toBeNull();
  });
});

describe("a profile that is none of three primaries and curves", () => {
  const whole = profile(ADOBE_RGB, curv([512]));
  it.each([
    ["empty", new Uint8Array(0)],
    ["only a header", whole.subarray(0, 132)],
    ["cut off", whole.subarray(0, whole.length - 4)],
    ["cut off within its list of tags", whole.subarray(0, 140)],
    ["with more tags than memory should be spent on", withTagCount(whole, 1_001, 20_000)],
    ["with more tags promised than there are", withTagCount(whole, 0xffffffff, whole.length)],
    ["for grey", profile(ADOBE_RGB, curv([512]), "GRAY")],
    ["for print", profile(ADOBE_RGB, curv([512]), "CMYK")],
    ["with a curve of an unknown kind", profile(ADOBE_RGB, [...ascii("mft2"), ...new Array<number>(40).fill(0)])],
    ["with a function of an unknown type", profile(ADOBE_RGB, para(9, [1, 1, 1]))],
    ["with more samples promised than there are", profile(ADOBE_RGB, curv([1, 2], 0xffffffff))],
  ])("%s changes nothing", (_, bytes) => {
    expect(conversionToSrgb(bytes)).toBeNull();
  });
});
