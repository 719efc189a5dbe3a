/** Dead letters, which no client can bring about: rows as the consumer of the dead queue leaves them. */
import { newId } from "../../src/kernel/ids.ts";
import { openD1, sqlText } from "../d1.ts";

/** Writes a letter for each of the conversions, which have ended. @returns the letters' ids. */
export async function addDeadLetters(stateDir: string, conversionIds: readonly string[]): Promise<string[]> {
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
    await openD1(false).execute(statements.join("\n"));
  } finally {
    if (previous === undefined) delete process.env.STATE_DIR;
    else process.env.STATE_DIR = previous;
  }
  return letters.map(({ id }) => id);
}
