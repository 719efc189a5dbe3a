/** What a stack that is not running has on disk: its D1 database and the index of its R2 bucket. */
import { copyFile, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const FOLDERS = { d1: "v3/d1/miniflare-D1DatabaseObject", r2: "v3/r2/miniflare-R2BucketObject" } as const;

export type Query = <Row>(sql: string, ...values: (string | number)[]) => Row[];

/** Reads a copy: opening the database itself would tidy up after the crash, which is the service's to do. */
async function readDatabase<T>(stateDir: string, store: keyof typeof FOLDERS, read: (query: Query) => T): Promise<T> {
  const folder = join(stateDir, FOLDERS[store]);
  const names = await readdir(folder);
  const [name, ...others] = names.filter((file) => file.endsWith(".sqlite") && file !== "metadata.sqlite");
  if (name === undefined || others.length > 0) throw new Error(`${folder} should hold one database`);
  const copy = await mkdtemp(join(tmpdir(), "ai-styler-drill-copy-"));
  try {
    for (const file of [name, `${name}-wal`]) {
      if (names.includes(file)) await copyFile(join(folder, file), join(copy, file));
    }
    const database = new DatabaseSync(join(copy, name));
    try {
      return read((sql, ...values) => database.prepare(sql).all(...values) as never);
    } finally {
      database.close();
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

export function readD1<T>(stateDir: string, read: (query: Query) => T): Promise<T> {
  return readDatabase(stateDir, "d1", read);
}

/** The keys of all stored objects. */
export async function storedKeys(stateDir: string): Promise<Set<string>> {
  const rows = await readDatabase(stateDir, "r2", (query) => query<{ key: string }>("SELECT key FROM _mf_objects"));
  return new Set(rows.map(({ key }) => key));
}

export interface Snapshot {
  readonly queued: number;
  readonly processing: number;
  readonly ended: number;
}

export function snapshot(query: Query): Snapshot {
  const rows = query<{ status: string; n: number }>("SELECT status, count(*) AS n FROM conversions GROUP BY status");
  const count = (status: string) => rows.find((row) => row.status === status)?.n ?? 0;
  const [queued, processing] = [count("queued"), count("processing")];
  return { queued, processing, ended: rows.reduce((sum, { n }) => sum + n, 0) - queued - processing };
}

/** For each conversion that a crash left unfinished and that has been touched since: when that first was. */
export function resumptions(query: Query, crashedAt: number): number[] {
  const rows = query<{ at: number }>(
    `SELECT min(e.at) AS at FROM conversion_events e JOIN conversions c ON c.id = e.conversion_id
      WHERE c.created_at <= ?1 AND e.at > ?1 GROUP BY e.conversion_id ORDER BY 1`,
    crashedAt,
  );
  return rows.map(({ at }) => at);
}

/** What has not ended, in words. */
export function unfinished(query: Query): string[] {
  const rows = query<{ id: string; status: string; attempt: number; lease_until: number | null }>(
    "SELECT id, status, attempt, lease_until FROM conversions WHERE status IN ('queued', 'processing') ORDER BY id",
  );
  return rows.map(({ id, status, attempt, lease_until }) => {
    const lease = lease_until === null ? "" : `, leased until ${new Date(lease_until).toISOString()}`;
    return `${id} is ${status}, attempt ${attempt}${lease}`;
  });
}
