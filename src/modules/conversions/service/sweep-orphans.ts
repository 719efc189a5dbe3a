import type { OrphanRecords } from "../retention.ts";
import type { ConversionWorkerDeps } from "../worker-deps.ts";

/**
 * Far more than lies between an upload's object and its row. A result's may lie as far apart as its conversion is
 * active, which is looked at by itself.
 */
const MIN_AGE_MS = 24 * 60 * 60_000;
const PAGE = 500;
const PREFIXES = ["images/", "results/"] as const;

/**
 * Deletes old objects that no row tells of, a page a call for each kind, round and round. A row can't appear in
 * between: no request lasts that long, ids are never used twice, and no conversion comes back from its end.
 * @returns how many were deleted.
 */
export async function sweepOrphans(
  deps: Pick<ConversionWorkerDeps, "clock" | "logger" | "objects"> & { readonly orphans: OrphanRecords },
): Promise<number> {
  let deleted = 0;
  for (const prefix of PREFIXES) {
    const name = `orphans:${prefix}`;
    const page = await deps.objects.list(prefix, { cursor: await deps.orphans.cursor(name), limit: PAGE });
    const now = deps.clock.now();
    const old = page.objects.filter(({ uploadedAt }) => uploadedAt < now - MIN_AGE_MS).map(({ key }) => key);
    const { orphans, unknown } = await deps.orphans.judge(old);
    if (orphans.length > 0) await deps.objects.delete(orphans);
    if (orphans.length + unknown.length > 0) {
      deps.logger.log("warn", "objects without a row", { prefix, deleted: orphans.length, unknown: unknown.length });
    }
    await deps.orphans.keepCursor(name, page.cursor, now);
    deleted += orphans.length;
  }
  return deleted;
}
