import { version } from "../../package.json";

/** The service's version, as answered by `/api/health`. A named import: bundlers leave the rest of the file behind. */
export const VERSION: string = version;
