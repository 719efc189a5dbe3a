/** The service on a database of a given size, with a user in it who has as much in every one. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ApiClient, type Conversion } from "../scripts/api-client.ts";
import { DEMO_PASSWORD, knownUser } from "../scripts/seed/demo.ts";
import { fillState } from "../scripts/seed/local-state.ts";
import type { Fact } from "./measure.ts";
import { plansOfReads } from "./plans.ts";
import { API, FROM, startService } from "./service.ts";
import type { Simulated } from "./simulators.ts";

/** Both have so many in the large database; the first one has them in the small one, too. */
const MEASURED = { phone: "+989121110001", name: "Measured", conversions: 500 };
const HEAVY = { phone: "+989121110002", name: "Heavy", conversions: 5_000 };
/** The same in both, so that the measured user has the very same conversions. */
const SEED = 7;
const PAGE = 20;
/** How many pages a deep one has before it: of lists that have fewer, the last. */
const DEEP_PAGE = 15;
/** Conversions that are read in rotation. */
const READ = 50;

/** Somebody's paths, each list at its first page and a deep one. */
export interface Reader {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly ids: readonly string[];
  readonly paths: Readonly<Record<"get" | "first" | "deep" | "status" | "kind", readonly string[]>>;
}

export interface Seeded {
  readonly measured: Reader;
  readonly heavy: Reader | null;
  readonly facts: readonly Fact[];
  /** To fill the database with all of its conversions. */
  readonly seedingMs: number;
  readonly service: Simulated;
}

type ListPage = { readonly items: readonly Conversion[]; readonly nextCursor: string | null };

/** The path of the first page, and of one far behind it. */
async function pagesOf(client: ApiClient, filter: string): Promise<[first: string, deep: string]> {
  const first = `/api/conversions?limit=${PAGE}${filter}`;
  let deep = first;
  let { nextCursor } = await client.call<ListPage>("GET", first);
  for (let page = 1; page < DEEP_PAGE && nextCursor !== null; page++) {
    deep = `${first}&cursor=${encodeURIComponent(nextCursor)}`;
    ({ nextCursor } = await client.call<ListPage>("GET", deep));
  }
  return [first, deep];
}

async function readerOf(url: string, phone: string): Promise<Reader> {
  const credentials = { phone, password: DEMO_PASSWORD };
  const guest = new ApiClient(url, null, FROM);
  const { accessToken } = await guest.call<{ accessToken: string }>("POST", "/api/auth/login", { json: credentials });
  const client = new ApiClient(url, accessToken, FROM);
  const [first, deep] = await pagesOf(client, "");
  const status = await pagesOf(client, "&status=succeeded");
  const kind = await pagesOf(client, "&kind=tryon");
  const ids: string[] = [];
  for (const path of [first, deep, status[1], kind[1]]) {
    const { items } = await client.call<ListPage>("GET", path);
    ids.push(...items.map((item) => item.id));
  }
  const get = [...new Set(ids)].slice(0, READ).map((id) => `/api/conversions/${id}`);
  const headers = { ...FROM, Authorization: `Bearer ${accessToken}` };
  return { url, headers, ids, paths: { get, first: [first], deep: [deep], status, kind } };
}

function databaseFile(stateDir: string): string {
  const folder = join(stateDir, "v3/d1/miniflare-D1DatabaseObject");
  const name = readdirSync(folder).find((file) => file.endsWith(".sqlite") && file !== "metadata.sqlite");
  if (name === undefined) throw new Error(`no database in ${folder}`);
  return join(folder, name);
}

async function factsOf(file: string, conversions: number): Promise<Fact[]> {
  const db = new DatabaseSync(file, { readOnly: true });
  const count = Number(db.prepare("SELECT count(*) AS n FROM conversions").get()?.n);
  const own = db
    .prepare(
      `SELECT id, user_id AS owner FROM conversions WHERE user_id = (SELECT id FROM users WHERE phone = ?)
        ORDER BY id LIMIT 1 OFFSET ?`,
    )
    .get(MEASURED.phone, MEASURED.conversions / 2) as { id: string; owner: string } | undefined;
  db.close();
  if (own === undefined) throw new Error("the measured user has too few conversions");
  const size = { what: "conversions in the table", expected: String(conversions), found: String(count) };
  return [size, ...(await plansOfReads(file, own.owner, own.id))];
}

/** A database of so many conversions, filled and served. The heavy user comes where there is room for one. */
export async function startSeeded(conversions: number, until: number): Promise<Seeded> {
  const hasHeavy = conversions > 4 * HEAVY.conversions;
  const known = await Promise.all((hasHeavy ? [MEASURED, HEAVY] : [MEASURED]).map((user) => knownUser(user)));
  const plan = { seed: SEED, users: conversions / 20, conversions, until, known };
  let facts: Fact[] = [];
  let seedingMs = 0;
  const service = await startService({
    minify: true,
    inspect: false,
    async prepare(stateDir) {
      const started = performance.now();
      await fillState(stateDir, plan);
      seedingMs = performance.now() - started;
      facts = await factsOf(databaseFile(stateDir), conversions);
    },
  });
  try {
    const url = await service.urlOf(API);
    const measured = await readerOf(url, MEASURED.phone);
    const heavy = hasHeavy ? await readerOf(url, HEAVY.phone) : null;
    return { measured, heavy, facts, seedingMs, service };
  } catch (error) {
    const complaints = service.complaints();
    await service.stop();
    throw new Error(`the service could not be prepared\n${complaints}`, { cause: error });
  }
}
