import type { ImageMime } from "../../../src/ports/image-codec.ts";
import { picturePartsOf } from "../../support/picture-parts.ts";

/** What is needed to show a picture. */
const SHOWN = /^(VP8X|VP8L?|ALPH|IHDR|PLTE|IDAT|IEND|tRNS|sRGB|gAMA|APP0|DQT|DHT|SOF\d|SOS|c0|c1|c2|c4|dd)$/;

/** The text of every part of a picture that only says something about it, from the start of its XMP where it has any. */
export function marksOf(bytes: Uint8Array, mime: string): string[] {
  return picturePartsOf(bytes, mime as ImageMime)
    .filter(({ name }) => !SHOWN.test(name))
    .map(({ name, data }) => {
      const text = new TextDecoder().decode(data);
      return text.includes("<?xpacket") ? text.slice(text.indexOf("<?xpacket")) : `${name} ${text.slice(0, 80)}`;
    });
}
