/** Options that npm takes for its own where the `--` before them is forgotten: the script then never sees them. */

/** @throws {Error} that tells how to write it, for `npm run deploy --dry-run` would release. */
export function refuseOptionsKeptByNpm(env: NodeJS.ProcessEnv, options: readonly string[]): void {
  const kept = options.filter((name) => {
    const value = env[`npm_config_${name.replaceAll("-", "_")}`];
    return value !== undefined && value !== "" && value !== "false";
  });
  if (kept.length === 0) return;
  const flags = kept.map((name) => `--${name}`).join(" ");
  const command = `npm run ${env.npm_lifecycle_event ?? "<script>"} -- ${flags}`;
  throw new Error(`npm took ${flags} for itself, so nothing was done: write \`${command}\`, with the -- before it`);
}
