/** What people ask for. */
import type { ConversionInput, ConversionKind } from "../../src/modules/conversions/conversion.ts";
import { STYLE_PRESET_IDS } from "../../src/modules/conversions/style-presets.ts";
import { GARMENT_CATEGORIES } from "../../src/ports/image-generator.ts";
import type { Picture } from "./job.ts";
import type { Random } from "./random.ts";

const PROMPTS = [
  "softer light, please",
  "keep the background as it is",
  "like a poster from the seventies",
  "warm colours, no text",
  "نور ملایم‌تر",
  "پس‌زمینه ساده باشد",
] as const;
const TITLES = [
  "Profile picture",
  "Birthday card",
  "Summer collection",
  "Wedding guest",
  "Poster",
  "عکس پروفایل",
] as const;
const CAMPAIGNS = ["spring", "yalda", "nowruz", "none"] as const;
const SIZES: readonly (readonly [width: number, height: number])[] = [
  [1024, 1024],
  [832, 1248],
  [896, 1200],
  [1248, 832],
];
const PHOTO_SIZES: typeof SIZES = [
  [3024, 4032],
  [1080, 1920],
  [1536, 2048],
  [2048, 1365],
];

export function newKind(random: Random): ConversionKind {
  return random.chance(0.58) ? "style" : "tryon";
}

/** Everything of an input but its pictures. `outputMime`: the only one there is, or null for any. */
export function newWish(random: Random, kind: ConversionKind, outputMime: ConversionInput["outputMime"] | null) {
  const ofPicture = kind === "style" && random.chance(0.2);
  return {
    kind,
    category: kind === "tryon" ? random.pick(GARMENT_CATEGORIES) : null,
    stylePreset: kind === "style" && !ofPicture ? random.pick(STYLE_PRESET_IDS) : null,
    prompt: random.chance(0.25) ? random.pick(PROMPTS) : null,
    seed: random.next32(),
    outputMime:
      outputMime ??
      random.weighted([
        [70, "image/jpeg"],
        [18, "image/webp"],
        [12, "image/png"],
      ] as const),
    providerRequested: random.weighted([
      [62, null],
      [33, "local"],
      [5, "workers-ai"],
    ] as const),
    fallback: random.chance(0.3) ? "allow" : "deny",
  } as const;
}

export function newTitle(random: Random): string | null {
  return random.chance(0.35) ? `${random.pick(TITLES)} ${random.between(1, 40)}` : null;
}

export function newMetadata(random: Random): Record<string, string> {
  if (!random.chance(0.15)) return {};
  return { app: random.chance(0.6) ? "ios" : "web", campaign: random.pick(CAMPAIGNS) };
}

/** A picture that was never taken: rows only. */
export function newPicture(random: Random, kind: "photo" | "result", mime: Picture["mime"]): Picture {
  const [width, height] = random.pick(kind === "photo" ? PHOTO_SIZES : SIZES);
  const bytes = random.about(kind === "photo" ? 1_900_000 : mime === "image/png" ? 1_500_000 : 310_000, 1.6);
  return { mime, bytes: Math.min(bytes, 10_485_760), width, height, sha256: random.hex(8) };
}
