/** The four Workers, in the order in which they are deployed: each after those that it binds. */
export const WORKERS = [
  { role: "tail", name: "ai-styler-tail", config: "src/workers/tail/wrangler.toml" },
  { role: "hasher", name: "ai-styler-hasher", config: "src/workers/hasher/wrangler.toml" },
  { role: "consumer", name: "ai-styler-consumer", config: "src/workers/consumer/wrangler.toml" },
  { role: "api", name: "ai-styler-api", config: "wrangler.toml" },
] as const;

export type WorkerRole = (typeof WORKERS)[number]["role"];
