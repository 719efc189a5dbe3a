export * from "./conversions.ts";
export * from "./images.ts";
export * from "./operations.ts";
export * from "./providers.ts";
export * from "./users.ts";
