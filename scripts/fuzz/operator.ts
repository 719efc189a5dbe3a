/** What no client can bring about, written into the database as an operator or the queue's consumer would. */
import { newId } from "../../src/kernel/ids.ts";
import { changeRole } from "../admin-sql.ts";
import { openD1, sqlText } from "../d1.ts";

interface Wishes {
  /** Who becomes an admin. */
  readonly adminId: string;
  /** Conversions that have ended; each gets a dead letter. */
  readonly conversionIds: readonly string[];
}

/** Grants all wishes in one transaction, on the state of a local service. @returns the letters' ids. */
export async function grantWishes(stateDir: string, { adminId, conversionIds }: Wishes): Promise<string[]> {
  const now = Date.now();
  const letters = conversionIds.map((conversionId) => ({ id: newId("dlt", now), conversionId }));
  const statements = letters.map(
    ({ id, conversionId }) =>
      `INSERT INTO dead_letters (id, queue, message_id, conversion_id, body, attempts, outcome, received_at)
         VALUES (${sqlText(id)}, 'ai-styler-conversions-dead', ${sqlText(id)}, ${sqlText(conversionId)},
                 ${sqlText(JSON.stringify({ conversionId }))}, 6, 'ended', ${now});`,
  );
  const previous = process.env.STATE_DIR;
  process.env.STATE_DIR = stateDir;
  try {
    await openD1(false).execute([changeRole("grant", adminId, now).sql, ...statements].join("\n"));
  } finally {
    if (previous === undefined) delete process.env.STATE_DIR;
    else process.env.STATE_DIR = previous;
  }
  return letters.map(({ id }) => id);
}
