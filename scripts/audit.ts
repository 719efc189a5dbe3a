/** `npm run audit -- verify`: checks the audit log's chains in the local database, or in production's. */
import { parseArgs } from "node:util";
import type { AuditAction, AuditOutcome } from "../src/kernel/audit.ts";
import {
  type ChainReport,
  type ChainVerifier,
  createChainVerifier,
  type LinkedRecord,
  readDetail,
} from "../src/modules/audit/chain.ts";
import type { UnlinkedRecord } from "../src/modules/audit/repository.ts";
import { D1Error, openD1, sqlText } from "./d1.ts";
import { refuseOptionsKeptByNpm } from "./npm-options.ts";

const USAGE = `npm run audit -- verify [--user usr_… | --all] [--remote]

  --user     one subject: a user's id, or the pseudonym of an erased account
  --all      every subject; the default
  --remote   the production database instead of the local one (state in STATE_DIR or .wrangler/state)

Ends with 0 when every chain holds, 1 when one does not, 2 when that could not be found out.
`;
const PAGE = 2_000;
/** Subjects looked at a second time before their problems are believed. */
const RECHECKS = 20;
const SUBJECT = /^[A-Za-z0-9_-]{1,128}$/;
const COLUMNS =
  "id, user_id, actor_id, action, outcome, session_id, ip_prefix, detail, created_at, seq, salt, digest, hash";

interface Row {
  readonly id: string;
  readonly user_id: string;
  readonly actor_id: string;
  readonly action: AuditAction;
  readonly outcome: AuditOutcome;
  readonly session_id: string | null;
  readonly ip_prefix: string | null;
  readonly detail: string | null;
  readonly created_at: number;
  readonly seq: number;
  readonly salt: string | null;
  readonly digest: string;
  readonly hash: string;
}

/** Nothing could be said about the log. */
class AuditError extends Error {
  override readonly name = "AuditError";
}

type Query = (sql: string) => Promise<readonly Row[]>;

/** A place in a chain as SQL. One that is no integer was put there by hand, and nothing can be read beyond it. */
function sqlSeq({ id, seq }: Row): string {
  if (!Number.isSafeInteger(seq)) throw new AuditError(`event ${id} has the place ${JSON.stringify(seq)} in its chain`);
  return String(seq);
}

/** Rows of any number, page by page; `after` gives the condition for those behind a row. */
async function* paged(query: Query, condition: string, order: string, after: (row: Row) => string) {
  let behind = "1";
  for (;;) {
    const where = `${condition} AND ${behind}`;
    const rows = await query(`SELECT ${COLUMNS} FROM audit_log WHERE ${where} ORDER BY ${order} LIMIT ${PAGE}`);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    behind = after(last);
  }
}

function toLinked(row: Row): LinkedRecord {
  const { id, action, outcome, seq, salt, digest, hash } = row;
  return {
    ...{ id, action, outcome, seq, salt, digest, hash },
    subjectId: row.user_id,
    actorId: row.actor_id,
    sessionId: row.session_id,
    ipPrefix: row.ip_prefix,
    detail: readDetail(row.detail),
    createdAt: row.created_at,
  };
}

function toUnlinked(row: Row): UnlinkedRecord {
  return { ...toLinked(row), stray: row.salt !== null || row.digest !== null || row.hash !== null };
}

interface Checked {
  readonly verifier: ChainVerifier;
  /** Events that wait for the linker. */
  waiting: number;
}

/** Reads the chains of one subject, or of all, in order of subject; `onSubject` gets each when it is complete. */
async function readChains(
  query: Query,
  subject: string | null,
  onSubject: (subjectId: string, checked: Checked) => Promise<void>,
): Promise<void> {
  const scope = subject === null ? "1" : `user_id = ${sqlText(subject)}`;
  const open = new Map<string, Checked>();
  const checkedOf = (subjectId: string) => {
    const checked = open.get(subjectId) ?? { verifier: createChainVerifier(), waiting: 0 };
    open.set(subjectId, checked);
    return checked;
  };
  const complete = async (subjectId: string) => {
    const checked = checkedOf(subjectId);
    open.delete(subjectId);
    await onSubject(subjectId, checked);
  };
  const now = Date.now();
  const afterId = (row: Row) => `(user_id, id) > (${sqlText(row.user_id)}, ${sqlText(row.id)})`;
  for await (const row of paged(query, `${scope} AND seq IS NULL`, "user_id, id", afterId)) {
    const checked = checkedOf(row.user_id);
    checked.verifier.addUnlinked(toUnlinked(row), now);
    checked.waiting += 1;
  }
  let current: string | null = null;
  const afterSeq = (row: Row) => `(user_id, seq) > (${sqlText(row.user_id)}, ${sqlSeq(row)})`;
  for await (const row of paged(query, `${scope} AND seq IS NOT NULL`, "user_id, seq", afterSeq)) {
    if (current !== null && current !== row.user_id) await complete(current);
    current = row.user_id;
    await checkedOf(current).verifier.add(toLinked(row));
  }
  if (current !== null) await complete(current);
  for (const subjectId of [...open.keys()].sort()) await complete(subjectId);
}

/** What the log says goes to a terminal, so nothing in it may steer that. */
function shown(text: string): string {
  return SUBJECT.test(text) ? text : JSON.stringify(text).replace(/[\u007f-\u009f]/g, "?");
}

function print(subjectId: string, { events, head, problems }: ChainReport, waiting: number): void {
  const verdict = problems.length === 0 ? "ok" : `${problems.length} problem${problems.length === 1 ? "" : "s"}`;
  const note = waiting === 0 ? "" : `  (${waiting} not linked)`;
  const counted = `${String(events).padStart(6)} events  head ${head?.hash ?? "-"}`;
  console.log(`${shown(subjectId)}  ${counted}  ${verdict}${note}`);
  for (const { seq, id, problem } of problems) console.log(`  ${problem.padEnd(8)}  seq ${seq ?? "-"}  ${shown(id)}`);
}

/** @returns whether every chain holds. */
async function verify(query: Query, subject: string | null): Promise<boolean> {
  let broken = 0;
  let subjects = 0;
  await readChains(query, subject, async (subjectId, first) => {
    let checked = first;
    if (checked.verifier.report().problems.length > 0 && broken < RECHECKS) {
      // A log in use may change between two pages, by an erasure above all.
      checked = { verifier: createChainVerifier(), waiting: 0 };
      await readChains(query, subjectId, async (_same, again) => {
        checked = again;
      });
    }
    const report = checked.verifier.report();
    subjects += 1;
    if (report.problems.length > 0) broken += 1;
    print(subjectId, report, checked.waiting);
  });
  console.log(subjects === 0 ? "no events" : `${subjects} chains, ${broken} broken`);
  // An account begins with an event: without any, its whole trail is gone.
  return broken === 0 && (subject === null || subjects > 0);
}

function usage(text: string): never {
  process.stderr.write(`${text}\n\n${USAGE}`);
  process.exit(2);
}

function readArguments() {
  try {
    const flag = { type: "boolean" } as const;
    const options = { user: { type: "string" }, all: flag, remote: flag, help: { ...flag, short: "h" } } as const;
    refuseOptionsKeptByNpm(process.env, ["user", "all", "remote"]);
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    return usage((error as Error).message);
  }
}

async function main(): Promise<number> {
  const { values, positionals } = readArguments();
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (positionals.join(" ") !== "verify") usage("the command is `verify`");
  if (values.user !== undefined && values.all) usage("either --user or --all");
  if (values.user !== undefined && !SUBJECT.test(values.user)) usage("--user takes an id");
  return (await verify(openD1(values.remote ?? false).query<Row>, values.user ?? null)) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof AuditError || error instanceof D1Error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
