export * from "./conversions.ts";
export * from "./images.ts";
export * from "./users.ts";
