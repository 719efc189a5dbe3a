import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { createNodeCodec } from "../../../test/support/node-codec.ts";
import type { Raster } from "../../ports/image-codec.ts";
import type { GarmentCategory } from "../../ports/image-generator.ts";
import { cutOutGarment, guessCategory } from "./garment-matte.ts";
import type { Box } from "./regions.ts";
import { createRng } from "./rng.ts";
import { tryOn } from "./try-on.ts";

const codec = createNodeCodec();
let person: Raster;
let shirt: Raster;
beforeAll(async () => {
  person = await codec.decode(readFileSync("samples/person-astronaut.png"), "image/png");
  shirt = await codec.decode(readFileSync("samples/garment-tshirt.png"), "image/png");
});

/** Pixels of `a` that differ from `b` inside and outside a box. */
function changes(a: Raster, b: Raster, box: Box): { inside: number; outside: number } {
  const count = { inside: 0, outside: 0 };
  for (let y = 0; y < a.height; y++) {
    for (let x = 0; x < a.width; x++) {
      const p = (y * a.width + x) * 4;
      const same = [0, 1, 2, 3].every((c) => a.data[p + c] === b.data[p + c]);
      if (same) continue;
      count[x >= box.left && x < box.right && y >= box.top && y < box.bottom ? "inside" : "outside"]++;
    }
  }
  return count;
}

const colourAt = ({ width, data }: Raster, x: number, y: number) =>
  [...data.subarray((y * width + x) * 4, (y * width + x) * 4 + 3)] as [number, number, number];

type Shape = (x: number, y: number) => boolean;
/** A dark red shape on light grey; x and y run from 0 to 1. */
function flatLay(width: number, height: number, shape: Shape, clear = false): Raster {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    const on = shape(((i % width) + 0.5) / width, (Math.floor(i / width) + 0.5) / height);
    data.set(on ? [150, 30, 40, 255] : [236, 234, 230, clear ? 0 : 255], i * 4);
  }
  return { width, height, data };
}
const trousers: Shape = (x, y) =>
  y > 0.05 && y < 0.95 && Math.abs(x - 0.5) < 0.3 && (y < 0.35 || Math.abs(x - 0.5) > 0.06);
const dress: Shape = (x, y) => y > 0.05 && y < 0.95 && Math.abs(x - 0.5) < 0.12 + 0.25 * y;

describe("tryOn", () => {
  it.each(["auto", "tops", "bottoms", "one-pieces"] as const)(
    "as %s changes pixels inside its box only, and repeats them for the same seed",
    (category: GarmentCategory) => {
      const before = person.data.slice();
      const result = tryOn(person, shirt, category, createRng(3));
      const { inside, outside } = changes(result.raster, person, result.box);
      const area = (result.box.right - result.box.left) * (result.box.bottom - result.box.top);
      expect(outside).toBe(0);
      expect(inside).toBeGreaterThan(area * 0.25);
      expect(area).toBeLessThan(person.width * person.height * 0.75);
      expect(tryOn(person, shirt, category, createRng(3)).raster.data).toEqual(result.raster.data);
      expect(person.data).toEqual(before);
    },
  );

  it("finds the astronaut's face and leaves it untouched", () => {
    const { raster, person: frame } = tryOn(person, shirt, "tops", createRng(1));
    expect(frame.basis).toBe("face");
    expect(Math.abs(frame.centreX - 225)).toBeLessThan(20);
    expect(Math.abs(frame.chinY - 182)).toBeLessThan(15);
    const face = { left: 150, top: 20, right: 300, bottom: 180 };
    expect(changes(raster, person, face).inside).toBe(0);
  });

  it("dresses the chest in the shirt's blue instead of the suit's orange", () => {
    const { raster } = tryOn(person, shirt, "tops", createRng(1));
    for (const [x, y] of [
      [140, 300],
      [110, 350],
      [150, 450],
      [180, 460],
    ] as const) {
      const [beforeR, , beforeB] = colourAt(person, x, y);
      const [r, , b] = colourAt(raster, x, y);
      expect([beforeR > beforeB, b > r + 20]).toEqual([true, true]);
    }
  });

  it("stays behind the helmet that is held in front of the suit", () => {
    const { raster } = tryOn(person, shirt, "tops", createRng(1));
    const helmet = { left: 320, top: 400, right: 470, bottom: 500 };
    expect(changes(raster, person, helmet).inside).toBe(0);
  });

  it.each([
    [512, 75],
    [500, 50],
    [300, 95],
    [300, 75],
    [640, 90],
    [768, 90],
    [1024, 90],
  ])("finds face and suit of the same photo as a JPEG of %d px and quality %d", async (side, quality) => {
    const resized = await codec.resize(person, side, side);
    const photo = await codec.decode(await codec.encode(resized, "image/jpeg", { quality }), "image/jpeg");
    const { raster, person: frame } = tryOn(photo, shirt, "tops", createRng(1));
    const at = (x: number) => Math.round((x * side) / 512);
    expect(Math.abs(frame.chinY - at(182))).toBeLessThan(at(15));
    const chest = colourAt(raster, at(110), at(350));
    expect(chest[2]).toBeGreaterThan(chest[0] + 20);
    const collar = { left: at(190), top: at(205), right: at(270), bottom: at(260) };
    expect(changes(raster, photo, collar).inside).toBe(0);
  });

  it.each([
    [1, 1],
    [30, 400],
    [400, 30],
    [64, 64],
  ])("dresses a picture of %i × %i pixels without a person in it", (width, height) => {
    const blank: Raster = { width, height, data: new Uint8ClampedArray(width * height * 4).fill(128) };
    for (const category of ["tops", "bottoms", "one-pieces"] as const) {
      expect(tryOn(blank, shirt, category, createRng(1)).raster.data.length).toBe(width * height * 4);
    }
  });
});

/** A whole person on grey, 300 × 720: head, shirt, trousers; `face` is the head's colour. */
function figure(face: readonly [number, number, number]): Raster {
  const data = new Uint8ClampedArray(300 * 720 * 4);
  for (let i = 0; i < 300 * 720; i++) {
    const [x, y] = [(i % 300) - 150, Math.floor(i / 300)];
    const head = (x / 32) ** 2 + ((y - 80) / 44) ** 2 < 1 || (y > 80 && y < 131 && Math.abs(x) < 14);
    const shirt = y >= 130 && y < 370 && Math.abs(x) < 70 + (y < 180 ? (y - 130) / 3 : 10);
    const trousers = y >= 370 && y < 680 && Math.abs(x) < 62 && Math.abs(x) > (y - 400) / 40;
    const light = 12 * Math.sin(x / 12);
    const colour = head
      ? face
      : shirt
        ? [70 + light, 140 + light, 70 + light]
        : trousers
          ? [40, 45, 90]
          : [205, 207, 210];
    data.set([...colour, 255], i * 4);
  }
  return { width: 300, height: 720, data };
}

describe("tryOn on a whole figure", () => {
  const isRed = ([r, g, b]: [number, number, number]) => r > g + 40 && r > b + 30;

  it("puts trousers on the legs, a dress over both, and touches neither head nor the rest", () => {
    const whole = figure([205, 160, 135]);
    const legs = tryOn(whole, flatLay(120, 160, trousers), "auto", createRng(1)).raster;
    expect(isRed(colourAt(legs, 120, 520))).toBe(true);
    expect(colourAt(legs, 150, 250)).toEqual(colourAt(whole, 150, 250));
    const dressed = tryOn(whole, flatLay(120, 200, dress), "auto", createRng(1)).raster;
    expect([isRed(colourAt(dressed, 150, 250)), isRed(colourAt(dressed, 125, 450))]).toEqual([true, true]);
    for (const raster of [legs, dressed]) {
      expect(changes(raster, whole, { left: 110, top: 0, right: 190, bottom: 118 }).inside).toBe(0);
    }
  });

  it("takes over the light and shade of the folds beneath", () => {
    const { raster } = tryOn(figure([205, 160, 135]), flatLay(120, 200, dress), "tops", createRng(1));
    const light = (x: number) =>
      [230, 240, 250, 260, 270].reduce((sum, y) => sum + colourAt(raster, x, y).reduce((a, b) => a + b, 0), 0);
    const [lit, shaded] = [150 + 19, 150 - 19];
    expect(light(shaded)).toBeLessThan(light(lit) * 0.92);
  });

  it("goes by the silhouette where no face is to be found", () => {
    const { raster, person: frame } = tryOn(figure([120, 120, 122]), flatLay(120, 160, trousers), "auto", createRng(1));
    expect(frame.basis).toBe("silhouette");
    expect(Math.abs(frame.centreX - 150)).toBeLessThan(6);
    expect(Math.abs(frame.chinY - 124)).toBeLessThan(12);
    expect(isRed(colourAt(raster, 120, 520))).toBe(true);
  });
});

describe("cutOutGarment", () => {
  it("cuts the T-shirt out along its outline and keeps its white print", () => {
    const { alpha, box, found } = cutOutGarment(shirt, "auto");
    const opacity = (x: number, y: number) => alpha.data[y * alpha.width + x] as number;
    expect(found).toBe(true);
    expect([box.left, box.right].map((x) => Math.round(x / 20))).toEqual([1, 42]);
    expect([opacity(430, 600), opacity(270, 260), opacity(100, 300)]).toEqual([1, 1, 1]);
    expect([opacity(10, 10), opacity(100, 600), opacity(800, 700), opacity(430, 15)]).toEqual([0, 0, 0, 0]);
  });

  it("goes by a picture's own alpha where it has one", () => {
    const cut = cutOutGarment(flatLay(100, 100, dress, true), "auto");
    expect([cut.found, cut.alpha.data[50 * 100 + 50], cut.alpha.data[50 * 100 + 2]]).toEqual([true, 1, 0]);
  });

  it("cuts a picture that is all cloth to the category's pattern", () => {
    const cloth = flatLay(90, 90, () => true);
    const { alpha, found } = cutOutGarment(cloth, "bottoms");
    const opacity = (x: number, y: number) => alpha.data[y * 90 + x] as number;
    expect(found).toBe(false);
    expect([opacity(45, 20), opacity(20, 80), opacity(45, 80), opacity(1, 1)]).toEqual([1, 1, 0, 0]);
  });

  it.each([
    ["tops", () => shirt],
    ["bottoms", () => flatLay(120, 160, trousers)],
    ["one-pieces", () => flatLay(120, 200, dress)],
  ] as const)("tells %s by their shape", (category, picture) => {
    expect(guessCategory(cutOutGarment(picture(), "auto"))).toBe(category);
  });
});
