/** The fake account's D1, R2 and Queues. A database is a real SQLite, so migrations really run. */
import { DatabaseSync } from "node:sqlite";
import { unstable_splitSqlQuery as splitSqlQuery } from "wrangler";
import { z } from "zod";
import { type FakeAnswer, FakeRefusal, type FakeRequest, type FakeRoute } from "./fake-cloudflare.ts";
import { addBucket, addDatabase, addQueue, type FakeAccount, type FakeBucket, type FakeDatabase } from "./state.ts";
import { scriptOf, usersOf } from "./worker-routes-services.ts";
import { consumersOf } from "./worker-routes-triggers.ts";

const contents = new WeakMap<FakeDatabase, DatabaseSync>();

/** The database itself, to look into. */
export function sqliteOf(database: FakeDatabase): DatabaseSync {
  const known = contents.get(database);
  if (known !== undefined) return known;
  const sqlite = new DatabaseSync(":memory:");
  contents.set(database, sqlite);
  return sqlite;
}

/** One page of a list, by number, with what Cloudflare tells of it. */
function paged(items: readonly unknown[], { query }: FakeRequest, most: number): FakeAnswer {
  const page = Number(query.get("page") ?? 1);
  const perPage = Math.min(Number(query.get("per_page") ?? most), most);
  const result = items.slice((page - 1) * perPage, page * perPage);
  const resultInfo = { page, per_page: perPage, count: result.length, total_count: items.length };
  return { result, resultInfo };
}

function databaseOf(account: FakeAccount, idOrName: string): FakeDatabase {
  const database = [...account.databases.values()].find(({ uuid, name }) => uuid === idOrName || name === idOrName);
  if (database === undefined) throw new FakeRefusal(404, 7_404, `The database ${idOrName} could not be found`);
  return database;
}

/** All statements or none, as D1 runs what comes in one query. */
function runSql(database: FakeDatabase, sql: string): unknown[] {
  const sqlite = sqliteOf(database);
  const statements = splitSqlQuery(sql);
  database.statements.push(...statements);
  sqlite.exec("BEGIN");
  try {
    const results = statements.map((statement) => {
      const prepared = sqlite.prepare(statement);
      const results = prepared.all();
      return { results, success: true, meta: { duration: 0.1, rows_read: 0, rows_written: 0, changes: 0 } };
    });
    sqlite.exec("COMMIT");
    return results;
  } catch (error) {
    sqlite.exec("ROLLBACK");
    throw new FakeRefusal(400, 7_500, `${error instanceof Error ? error.message : error}: SQLITE_ERROR`);
  }
}

function recordMigrations(database: FakeDatabase): void {
  const sqlite = sqliteOf(database);
  const table = sqlite.prepare("SELECT 1 FROM sqlite_master WHERE name = 'd1_migrations'").get();
  if (table === undefined) return;
  const rows = sqlite.prepare("SELECT name FROM d1_migrations ORDER BY id").all();
  database.migrations.splice(0, Infinity, ...rows.map(({ name }) => String(name)));
}

const databaseView = ({ uuid, name, createdAt }: FakeDatabase) => ({ uuid, name, created_at: createdAt });

function databaseRoutes(account: FakeAccount): FakeRoute[] {
  const one = /^\/d1\/database\/([^/]+)$/;
  return [
    {
      method: "GET",
      path: /^\/d1\/database$/,
      answer(request) {
        const name = request.query.get("name") ?? "";
        return paged(
          [...account.databases.values()].filter((it) => it.name.includes(name)).map(databaseView),
          request,
          50,
        );
      },
    },
    {
      method: "POST",
      path: /^\/d1\/database$/,
      answer(request) {
        const { name } = z.object({ name: z.string().min(1).max(64) }).parse(request.json());
        if (account.databases.has(name)) throw new FakeRefusal(400, 7_502, `Database ${name} already exists`);
        return { result: databaseView(addDatabase(account, name)) };
      },
    },
    { method: "GET", path: one, answer: (_, id = "") => ({ result: databaseView(databaseOf(account, id)) }) },
    {
      method: "DELETE",
      path: one,
      answer(_, id = "") {
        account.databases.delete(databaseOf(account, id).name);
        return { result: null };
      },
    },
  ];
}

function queryRoutes(account: FakeAccount): FakeRoute[] {
  return [
    {
      method: "POST",
      path: /^\/d1\/database\/([^/]+)\/query$/,
      answer(request, id = "") {
        const database = databaseOf(account, id);
        const { sql } = z.object({ sql: z.string() }).parse(request.json());
        const result = runSql(database, sql);
        recordMigrations(database);
        return { result };
      },
    },
    {
      method: "GET",
      path: /^\/d1\/database\/([^/]+)\/time_travel\/bookmark$/,
      answer: (_, id = "") => ({
        result: { bookmark: `00000000-${String(databaseOf(account, id).statements.length).padStart(8, "0")}-fake` },
      }),
    },
  ];
}

const bucketView = ({ name, createdAt }: FakeBucket) => ({ name, creation_date: createdAt, storage_class: "Standard" });

function bucketOf(account: FakeAccount, name: string): FakeBucket {
  const bucket = account.buckets.get(name);
  if (bucket === undefined) throw new FakeRefusal(404, 10_006, "The specified bucket does not exist.");
  return bucket;
}

function bucketRoutes(account: FakeAccount): FakeRoute[] {
  const one = /^\/r2\/buckets\/([^/]+)$/;
  return [
    {
      method: "GET",
      path: /^\/r2\/buckets$/,
      answer({ query }) {
        const after = query.get("start_after") ?? "";
        const part = query.get("name_contains") ?? "";
        const names = [...account.buckets.keys()].sort().filter((name) => name > after && name.includes(part));
        const buckets = names.slice(0, Number(query.get("per_page") ?? 20)).map((name) => bucketOf(account, name));
        return { result: { buckets: buckets.map(bucketView) } };
      },
    },
    {
      method: "POST",
      path: /^\/r2\/buckets$/,
      answer(request) {
        const { name } = z
          .object({ name: z.string().regex(/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/) })
          .parse(request.json());
        if (account.buckets.has(name)) throw new FakeRefusal(409, 10_004, "The bucket already exists, and you own it.");
        return { result: bucketView(addBucket(account, name)) };
      },
    },
    { method: "GET", path: one, answer: (_, name = "") => ({ result: bucketView(bucketOf(account, name)) }) },
    {
      method: "DELETE",
      path: one,
      answer(_, name = "") {
        if (bucketOf(account, name).objects.size > 0) {
          throw new FakeRefusal(409, 10_008, "The bucket you tried to delete is not empty.");
        }
        account.buckets.delete(name);
        return { result: {} };
      },
    },
  ];
}

function objectRoutes(account: FakeAccount): FakeRoute[] {
  return [
    {
      method: "GET",
      path: /^\/r2\/buckets\/([^/]+)\/objects$/,
      answer({ query }, name = "") {
        const after = query.get("cursor") ?? "";
        const perPage = Math.min(Number(query.get("per_page") ?? 20), 1_000);
        const keys = [...bucketOf(account, name).objects].sort().filter((key) => key > after);
        const shown = keys.slice(0, perPage);
        const isTruncated = keys.length > shown.length;
        const cursor = isTruncated ? { cursor: shown.at(-1) } : {};
        const resultInfo = { per_page: perPage, is_truncated: isTruncated, ...cursor };
        return { result: shown.map((key) => ({ key, size: 1, etag: "fake" })), resultInfo };
      },
    },
    {
      method: "DELETE",
      path: /^\/r2\/buckets\/([^/]+)\/objects$/,
      answer(request, name = "") {
        const { objects } = bucketOf(account, name);
        const keys = z.array(z.string()).min(1).max(1_000).parse(request.json());
        const missing = keys.filter((key) => !objects.delete(key));
        if (missing.length > 0) throw new FakeRefusal(200, 10_007, "The specified key does not exist.");
        return { result: keys.map((key) => ({ key })) };
      },
    },
  ];
}

function isBoundQueue(account: FakeAccount, name: string): boolean {
  return [...account.scripts.values()].some((script) =>
    script.versions.at(-1)?.bindings.some((it) => it.type === "queue" && it.queue_name === name),
  );
}

function queueRoutes(account: FakeAccount): FakeRoute[] {
  const view = (name: string) => {
    const queue = account.queues.get(name);
    if (queue === undefined) throw new FakeRefusal(404, 11_000, `Queue ${name} does not exist.`);
    const consumers = consumersOf(queue);
    const times = { created_on: queue.createdAt, modified_on: queue.createdAt };
    return { queue_id: queue.id, queue_name: name, ...times, consumers, consumers_total_count: consumers.length };
  };
  const nameOf = (id: string) => [...account.queues.values()].find((queue) => queue.id === id)?.name ?? id;
  const one = /^\/queues\/([^/]+)$/;
  return [
    {
      method: "GET",
      path: /^\/queues$/,
      answer(request) {
        const wanted = request.query.getAll("name");
        const names = [...account.queues.keys()].filter((name) => wanted.length === 0 || wanted.includes(name));
        return paged(names.map(view), request, 100);
      },
    },
    {
      method: "POST",
      path: /^\/queues$/,
      answer(request) {
        const { queue_name: name } = z
          .object({ queue_name: z.string().regex(/^[a-z0-9-]{1,63}$/) })
          .parse(request.json());
        if (account.queues.has(name)) throw new FakeRefusal(409, 11_009, `Queue name '${name}' is already taken.`);
        addQueue(account, name);
        return { result: view(name) };
      },
    },
    { method: "GET", path: one, answer: (_, id = "") => ({ result: view(nameOf(id)) }) },
    {
      method: "DELETE",
      path: one,
      answer(_, id = "") {
        const { queue_name: name, consumers } = view(nameOf(id));
        if (consumers.length > 0 || isBoundQueue(account, name)) {
          throw new FakeRefusal(400, 11_005, `Queue '${name}' is in use by a Worker`);
        }
        account.queues.delete(name);
        return { result: null };
      },
    },
  ];
}

/** The end of a Worker by the documented path; wrangler has one of its own. */
function deletionRoutes(account: FakeAccount): FakeRoute[] {
  return [
    {
      method: "DELETE",
      path: /^\/workers\/scripts\/([^/]+)$/,
      answer({ query }, name = "") {
        const { classes } = scriptOf(account, name);
        if ([...account.queues.values()].some(({ consumer }) => consumer?.script === name)) {
          throw new FakeRefusal(400, 10_064, "script still in use as a consumer for a queue");
        }
        const isNeeded = usersOf(account, name).length > 0 || classes.size > 0;
        if (isNeeded && query.get("force") !== "true") {
          throw new FakeRefusal(400, 10_064, `Worker ${name} has Durable Objects, or others use it`);
        }
        account.scripts.delete(name);
        return { result: null };
      },
    },
  ];
}

export function resourceRoutes(account: FakeAccount): FakeRoute[] {
  return [
    ...databaseRoutes(account),
    ...queryRoutes(account),
    ...bucketRoutes(account),
    ...objectRoutes(account),
    ...queueRoutes(account),
    ...deletionRoutes(account),
  ];
}
