import { inflated } from "./inflate.ts";
import { parsePng } from "./png.ts";

/** A pixel of 16-bit RGBA; no picture needs more. */
const MOST_BYTES_PER_PIXEL = 8;

/**
 * Whether a PNG's data inflate to more than its pixels can need: a decoder would work through all of it, a thousand
 * times the file's size. Inflates no further than that. False for bytes that a decoder has to judge.
 */
export async function overflowsPng(bytes: Uint8Array): Promise<boolean> {
  const layout = parsePng(bytes);
  if (!layout.ok) return false;
  const { width, height, parts } = layout;
  // Interlaced pictures have almost two rows for each of theirs, with a filter byte and a rest of bits in each.
  const limit = MOST_BYTES_PER_PIXEL * width * height + 4 * (height + 8);
  const data = parts.filter(({ type }) => type === "IDAT").map((part) => bytes.subarray(part.dataStart, part.dataEnd));
  let length = 0;
  try {
    for await (const chunk of inflated(data)) {
      length += chunk.byteLength;
      if (length > limit) return true;
    }
    return false;
  } catch {
    return false;
  }
}
