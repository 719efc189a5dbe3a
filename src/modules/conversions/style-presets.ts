/** The styles a photo can be given by name. Providers map the ids to what they do; clients see name and description. */
export const STYLE_PRESETS = [
  { id: "sketch", name: "Pencil sketch", description: "Graphite lines and soft hatching on textured paper." },
  { id: "ink", name: "Ink drawing", description: "Bold black brush lines and solid shadows on cream paper." },
  { id: "oil", name: "Oil painting", description: "Rich colours in thick brush strokes that follow every contour." },
  { id: "cartoon", name: "Cartoon", description: "Bright flat colours with dark outlines, like an animation cel." },
  {
    id: "watercolor",
    name: "Watercolour",
    description: "Light, flowing washes that pool at the edges of rough white paper.",
  },
  { id: "noir", name: "Film noir", description: "Dramatic black and white with deep shadows, glow and film grain." },
  {
    id: "vintage",
    name: "Vintage print",
    description: "A warm, faded photo print with soft light and a leak of orange.",
  },
  { id: "duotone", name: "Duotone", description: "Two striking ink colours; the seed picks the pair." },
  { id: "pop-art", name: "Pop art", description: "A loud screen print with comic dots; the seed picks the palette." },
] as const;

export type StylePresetId = (typeof STYLE_PRESETS)[number]["id"];
export const STYLE_PRESET_IDS = STYLE_PRESETS.map((preset) => preset.id) as [StylePresetId, ...StylePresetId[]];
