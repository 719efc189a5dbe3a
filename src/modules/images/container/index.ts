export { readColourProfile } from "./colour-profile.ts";
export { type Orientation, tiffOrientation } from "./exif.ts";
export {
  type InspectedImage,
  type Inspection,
  inspectImage,
  MAX_PIXELS,
  MAX_SIDE_PX,
  MIN_SIDE_PX,
  type RefusedImage,
} from "./inspect.ts";
export { overflowsPng } from "./png-data.ts";
export { stripMetadata } from "./strip-metadata.ts";
export {
  DIGITAL_SOURCE_TYPE_XMP,
  type DigitalSourceType,
  digitalSourceXmp,
  embedXmp,
  MAX_JPEG_XMP_BYTES,
} from "./xmp.ts";
