/** Paints public/api/styles/samples/<preset>.jpg, the catalogue's example pictures, from samples/person-astronaut.png. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { STYLE_PRESETS } from "../src/providers/local-engine/presets.ts";
import { createRng } from "../src/providers/local-engine/rng.ts";
import { createNodeCodec } from "../test/support/node-codec.ts";

const SIDE = 320;
/** Effects are painted larger and then shrunk, as a user sees them in a list. */
const PAINTED_SIDE = 640;
const QUALITY = 80;
/** Seeds whose palettes suit the picture; others take 1. */
const SEEDS: Readonly<Record<string, number>> = { duotone: 2, "pop-art": 2 };

const root = join(import.meta.dirname, "..");
const target = join(root, "public/api/styles/samples");
const codec = createNodeCodec();
const photo = await codec.decode(readFileSync(join(root, "samples/person-astronaut.png")), "image/png");
const canvas = await codec.resize(photo, PAINTED_SIDE, PAINTED_SIDE);
mkdirSync(target, { recursive: true });
for (const style of STYLE_PRESETS) {
  const painted = style.apply(canvas, { rng: createRng(SEEDS[style.id] ?? 1) });
  const small = await codec.resize(painted, SIDE, SIDE);
  writeFileSync(join(target, `${style.id}.jpg`), await codec.encode(small, "image/jpeg", { quality: QUALITY }));
}
