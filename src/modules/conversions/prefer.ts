const MAX_WAIT_SECONDS = 25;

/** The seconds of a `Prefer: wait=N` header (RFC 7240), at most 25; 0 without one. */
export function preferredWaitSeconds(header: string | undefined): number {
  const match = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,6})"?/i.exec(header ?? "");
  return match ? Math.min(Number(match[1]), MAX_WAIT_SECONDS) : 0;
}
