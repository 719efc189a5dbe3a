import { and, asc, eq, isNotNull, isNull } from "drizzle-orm";
import { auditColumns, toRecord } from "../../../src/db/d1/repositories/audit-chains.ts";
import { auditLog } from "../../../src/db/d1/schema/index.ts";
import { type ChainReport, createChainVerifier } from "../../../src/modules/audit/chain.ts";
import type { AuditDeps } from "../../../src/modules/audit/jobs.ts";
import { linkSubjects } from "../../../src/modules/audit/service/link-subjects.ts";
import { db } from "../support/database.ts";

/** Links what waits to be linked, then checks every event of a subject against its chain, as `npm run audit` does. */
export async function verifyChain(
  deps: Pick<AuditDeps, "audit" | "logger" | "clock">,
  subjectId: string,
): Promise<ChainReport> {
  while ((await linkSubjects(deps, [subjectId], 500)) > 0);
  const verifier = createChainVerifier();
  const events = db.select(auditColumns).from(auditLog);
  const isSubjects = eq(auditLog.userId, subjectId);
  for (const row of await events.where(and(isSubjects, isNotNull(auditLog.seq))).orderBy(asc(auditLog.seq))) {
    // Nulls where none may be come from tampering; they equal no hash, which is what verification needs.
    const { seq, salt, digest, hash } = row as { seq: number; salt: string | null; digest: string; hash: string };
    await verifier.add({ ...toRecord(row), seq, salt, digest, hash });
  }
  for (const row of await db
    .select(auditColumns)
    .from(auditLog)
    .where(and(isSubjects, isNull(auditLog.seq)))) {
    const stray = row.salt !== null || row.digest !== null || row.hash !== null;
    verifier.addUnlinked({ ...toRecord(row), stray }, deps.clock.now());
  }
  return verifier.report();
}
