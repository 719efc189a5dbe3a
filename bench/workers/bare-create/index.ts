import { DurableObject } from "cloudflare:workers";

/** Answers out of memory, as a session does that is asked again and again. */
export class Session extends DurableObject {
  async check(): Promise<{ role: string }> {
    return { role: "user" };
  }
}

interface BareCreateEnv {
  readonly DB: D1Database;
  readonly SESSION: DurableObjectNamespace<Session>;
  readonly JOBS: Queue;
}

const TABLES = ["jobs", "events", "units", "promises"] as const;

/** `PUT /` makes the tables; `POST /<user>` asks the user's object, stores the body as a job, and sends its message. */
async function answer(
  request: Request,
  { DB, SESSION, JOBS }: BareCreateEnv,
  context: ExecutionContext,
): Promise<Response> {
  if (request.method === "PUT") {
    const table = (name: string) => `CREATE TABLE ${name} (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID`;
    await DB.batch(TABLES.map((name) => DB.prepare(table(name))));
    return new Response(null, { status: 204 });
  }
  const { role } = await SESSION.getByName(new URL(request.url).pathname.slice(1)).check();
  if (role !== "user") return new Response(null, { status: 401 });
  const id = crypto.randomUUID();
  const body = await request.text();
  await DB.batch(TABLES.map((name) => DB.prepare(`INSERT INTO ${name} (id, body) VALUES (?, ?)`).bind(id, body)));
  context.waitUntil(JOBS.send({ id }, { contentType: "json" }));
  return Response.json({ id, status: "queued" }, { status: 202 });
}

export default { fetch: answer } satisfies ExportedHandler<BareCreateEnv>;
