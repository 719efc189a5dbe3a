import type { ImageMime } from "../../../ports/image-codec.ts";
import { concat, hasText, textBytes } from "./bytes.ts";
import { APP0, APP1, JPEG_END, JPEG_START, type JpegLayout, type JpegPart, jpegSegment, partHasText } from "./jpeg.ts";
import { parseLayout } from "./layout.ts";
import { PNG_SIGNATURE, type PngLayout, type PngPart, pngChunk } from "./png.ts";
import { type WebpLayout, writeWebp } from "./webp.ts";

const JPEG_XMP = "http://ns.adobe.com/xap/1.0/\0";
const JPEG_EXTENDED_XMP = "http://ns.adobe.com/xmp/extension/\0";
const PNG_XMP = "XML:com.adobe.xmp\0";
/** The largest XMP packet, in UTF-8 bytes, that fits into a JPEG segment. */
export const MAX_JPEG_XMP_BYTES = 65_533 - JPEG_XMP.length;

/** How a picture came about, in IPTC's vocabulary at http://cv.iptc.org/newscodes/digitalsourcetype/. */
export type DigitalSourceType =
  | "trainedAlgorithmicMedia"
  | "compositeWithTrainedAlgorithmicMedia"
  | "algorithmicallyEnhanced";

/** An XMP packet whose only statement is the picture's IPTC digital source type. */
export function digitalSourceXmp(kind: DigitalSourceType): string {
  return [
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>',
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">',
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">',
    `<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/${kind}</Iptc4xmpExt:DigitalSourceType>`,
    '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>',
  ].join("");
}

/** The packet of results: a photo of the user's composed with AI-generated content. */
export const DIGITAL_SOURCE_TYPE_XMP = digitalSourceXmp("compositeWithTrainedAlgorithmicMedia");

/**
 * Rewrites a picture with `xmpPacket` in place of any XMP that it has; pixels are copied, not decoded.
 * Whatever follows the picture's end is cut, since its offsets would no longer hold.
 *
 * @returns a new array; an empty one when `bytes` is not a well-formed picture of type `mime`.
 * @throws {RangeError} when the packet exceeds {@link MAX_JPEG_XMP_BYTES} and `mime` is JPEG.
 */
export function embedXmp(bytes: Uint8Array, mime: ImageMime, xmpPacket: string): Uint8Array<ArrayBuffer> {
  const packet = new TextEncoder().encode(xmpPacket);
  if (mime === "image/jpeg" && packet.length > MAX_JPEG_XMP_BYTES) {
    throw new RangeError(`An XMP packet of ${packet.length} bytes does not fit into a JPEG segment.`);
  }
  const layout = parseLayout(bytes, mime);
  if (!layout.ok) return new Uint8Array(0);
  if (layout.mime === "image/jpeg") return embedInJpeg(bytes, layout, packet);
  if (layout.mime === "image/png") return embedInPng(bytes, layout, packet);
  return embedInWebp(bytes, layout, packet);
}

function embedInJpeg(bytes: Uint8Array, layout: JpegLayout, packet: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts = layout.parts.filter((part) => !isJpegXmp(bytes, part));
  const lead = parts.findIndex((part) => part.marker !== APP0 && !isJpegExif(bytes, part));
  const copy = (part: JpegPart) => bytes.subarray(part.start, part.end);
  return concat([
    JPEG_START,
    ...parts.slice(0, lead).map(copy),
    jpegSegment(APP1, concat([textBytes(JPEG_XMP), packet])),
    ...parts.slice(lead).map(copy),
    JPEG_END,
  ]);
}

function isJpegXmp(bytes: Uint8Array, part: JpegPart): boolean {
  return part.marker === APP1 && [JPEG_XMP, JPEG_EXTENDED_XMP].some((name) => partHasText(bytes, part, name));
}

function isJpegExif(bytes: Uint8Array, part: JpegPart): boolean {
  return part.marker === APP1 && partHasText(bytes, part, "Exif\0\0");
}

function embedInPng(bytes: Uint8Array, layout: PngLayout, packet: Uint8Array): Uint8Array<ArrayBuffer> {
  const copies = layout.parts
    .filter((part) => !isPngXmp(bytes, part))
    .map((part) => bytes.subarray(part.start, part.end));
  // Not compressed, language and translated keyword empty.
  const chunk = pngChunk("iTXt", concat([textBytes(`${PNG_XMP}\0\0\0\0`), packet]));
  return concat([PNG_SIGNATURE, ...copies.slice(0, 1), chunk, ...copies.slice(1)]);
}

function isPngXmp(bytes: Uint8Array, part: PngPart): boolean {
  return part.type === "iTXt" && hasText(bytes, part.dataStart, PNG_XMP);
}

function embedInWebp(bytes: Uint8Array, layout: WebpLayout, packet: Uint8Array): Uint8Array<ArrayBuffer> {
  const { exif } = layout;
  return writeWebp(
    bytes,
    layout,
    exif ? { exif: bytes.subarray(exif.dataStart, exif.dataEnd), xmp: packet } : { xmp: packet },
  );
}
