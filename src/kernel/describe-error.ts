/**
 * A failure in one line for operators. A database driver's error is told by its cause, since its own message is the
 * statement with the values bound to it.
 */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const told = error.message.startsWith("Failed query") && error.cause instanceof Error ? error.cause : error;
  return `${error.name}: ${told.message.split("\n", 1)[0]?.slice(0, 300) ?? ""}`;
}
