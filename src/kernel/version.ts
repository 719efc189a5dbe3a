import manifest from "../../package.json" with { type: "json" };

/** The service's version, as answered by `/api/health`. */
export const VERSION: string = manifest.version;
