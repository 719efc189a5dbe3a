/** Resolves when someone asks us to stop: by signal, by closing our output, or by npm going away. */
export function stopRequested(): Promise<string> {
  return new Promise((resolveReason) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolveReason(signal));
    process.stdout.on("error", () => resolveReason("closed output"));
    // Started by hand, a parent that leaves is nothing unusual; under npm it is the end.
    if (process.env.npm_lifecycle_event === undefined) return;
    // The script execs, so npm is our parent; whoever started npm may come and go.
    const npm = process.ppid;
    setInterval(() => process.ppid !== npm && resolveReason("npm gone"), 250).unref();
  });
}
