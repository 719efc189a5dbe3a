import { DurableObject } from "cloudflare:workers";

/** Answers out of memory: the least that a Durable Object can be asked for. */
export class Session extends DurableObject {
  async check(): Promise<{ role: string }> {
    return { role: "user" };
  }
}

interface BareEnv {
  readonly DB: D1Database;
  readonly SESSION: DurableObjectNamespace<Session>;
}

const TABLE = "CREATE TABLE IF NOT EXISTS documents (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID";

/** `PUT /<id>` stores a document, `GET /<id>` asks a user's object, reads the row and answers it. */
async function answer(request: Request, { DB, SESSION }: BareEnv): Promise<Response> {
  const id = new URL(request.url).pathname.slice(1);
  if (request.method === "PUT") {
    await DB.prepare(TABLE).run();
    await DB.prepare("INSERT OR REPLACE INTO documents (id, body) VALUES (?, ?)")
      .bind(id, await request.text())
      .run();
    return new Response(null, { status: 204 });
  }
  const { role } = await SESSION.getByName("user").check();
  const row = await DB.prepare("SELECT body FROM documents WHERE id = ?").bind(id).first<{ body: string }>();
  if (role !== "user" || row === null) return new Response(null, { status: 404 });
  return new Response(row.body, { headers: { "Content-Type": "application/json" } });
}

export default { fetch: answer } satisfies ExportedHandler<BareEnv>;
