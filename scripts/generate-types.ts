/** Writes (or with --check compares) the binding types of every Worker that has bindings, from its wrangler.toml. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const WORKERS = [
  { config: "wrangler.toml", interface: "ApiEnv", output: "worker-configuration.d.ts" },
  {
    config: "src/workers/consumer/wrangler.toml",
    interface: "ConsumerEnv",
    output: "src/workers/consumer/worker-configuration.d.ts",
  },
  {
    config: "src/workers/hasher/wrangler.toml",
    interface: "HasherEnv",
    output: "src/workers/hasher/worker-configuration.d.ts",
  },
  {
    config: "src/workers/tail/wrangler.toml",
    interface: "TailEnv",
    output: "src/workers/tail/worker-configuration.d.ts",
  },
];

for (const worker of WORKERS) {
  const args = ["types", worker.output, "-c", worker.config, "--env-interface", worker.interface];
  const flags = [
    "--include-runtime=false",
    "--strict-vars=false",
    ...(process.argv.includes("--check") ? ["--check"] : []),
  ];
  const others = WORKERS.filter((other) => other !== worker).flatMap((other) => ["-c", other.config]);
  const services = worker.interface === "ApiEnv" ? others : [];
  const result = spawnSync("wrangler", [...args, ...services, ...flags, "--env-file", "/dev/null"], {
    cwd: root,
    encoding: "utf8",
  });
  if (result.status !== 0) {
    process.stderr.write(`${result.stdout}\n${result.stderr}\n`);
    process.exit(result.status ?? 1);
  }
}
