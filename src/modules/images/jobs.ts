/** What the consumer Worker takes of the module; `index.ts` is the api's side. */
export {
  digitalSourceXmp,
  embedXmp,
  type InspectedImage,
  inspectImage,
  MIN_SIDE_PX,
  overflowsPng,
  readColourProfile,
  stripMetadata,
} from "./container/index.ts";
export type { ImageRepository } from "./repository.ts";
