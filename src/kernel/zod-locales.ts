/** The one language of the service's messages. The bundles have it in place of zod's fifty: see `[alias]` in wrangler.toml. */
export { default as en } from "zod/v4/locales/en.js";
