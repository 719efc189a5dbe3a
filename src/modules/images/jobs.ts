/** What the consumer Worker takes of the module; `index.ts` is the api's side. */
export { digitalSourceXmp, embedXmp, type InspectedImage, inspectImage, stripMetadata } from "./container/index.ts";
export type { ImageRepository } from "./repository.ts";
