/** What a table need not keep right while it is filled: it is built, or put back, at the end. */
import type { DatabaseSync } from "node:sqlite";

/** Those that grow most. Sorting once is several times faster than a search for each row. */
const DEFERRED_INDEXES_OF = ["images", "conversions", "quota_ledger", "provider_calls", "audit_log"];
/**
 * Lets no event in that is linked already, and events come linked here: linking each by an update would take as long as
 * all the rest. What it guards is guarded by the chain's unique index, and can be checked with `npm run audit`.
 */
const LINKING_TRIGGER = "audit_log_insert_linked";

interface Part {
  readonly type: "index" | "trigger";
  readonly name: string;
  readonly sql: string;
}

export interface QuickLoad {
  /** One step each; unique indexes fail where they don't hold. */
  readonly restore: readonly (() => void)[];
}

function takeAway(db: DatabaseSync, parts: readonly Part[]): QuickLoad {
  for (const { type, name } of parts) db.exec(`DROP ${type} "${name}"`);
  return {
    restore: parts.map(
      ({ sql }) =>
        () =>
          db.exec(sql),
    ),
  };
}

/** For a database of which nobody sees anything before it is whole again. `indexes`: those of large tables, too. */
export function beginQuickLoad(db: DatabaseSync, { indexes }: { readonly indexes: boolean }): QuickLoad {
  const found = db
    .prepare(
      `SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND (type = 'trigger' AND name = ?
        OR type = 'index' AND tbl_name IN (SELECT value FROM json_each(?)))`,
    )
    .all(LINKING_TRIGGER, JSON.stringify(indexes ? DEFERRED_INDEXES_OF : [])) as unknown as Part[];
  return takeAway(db, found);
}
