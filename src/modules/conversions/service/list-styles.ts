import { type Page, type PageRequest, toPage } from "../../../kernel/page.ts";
import { STYLE_PRESETS } from "../style-presets.ts";

type Style = (typeof STYLE_PRESETS)[number];

/** One page of the catalogue, in its own order; the key is a style's id. */
export function listStyles(page: PageRequest): Page<Style> {
  const after = page.afterKey === null ? -1 : STYLE_PRESETS.findIndex((preset) => preset.id === page.afterKey);
  return toPage(STYLE_PRESETS.slice(after + 1, after + 2 + page.limit), page.limit, (preset) => preset.id);
}
