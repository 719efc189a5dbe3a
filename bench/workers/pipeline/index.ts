/** What goes through the queue of rows: nothing but which row to write. */
interface RowMessage {
  readonly id: string;
}

interface PipelineEnv {
  readonly DB: D1Database;
  readonly JOBS: Queue;
  readonly ROWS: Queue;
}

const TABLE = "CREATE TABLE rows (id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID";

function send(ids: readonly string[], queue: Queue, toBody: (id: string) => object): Promise<unknown> {
  return queue.sendBatch(ids.map((id) => ({ body: toBody(id), contentType: "json" })));
}

export default {
  /** `PUT /` makes the table; `POST /jobs` and `POST /rows` send a message for each id of the body, all at once. */
  async fetch(request, { DB, JOBS, ROWS }): Promise<Response> {
    if (request.method === "PUT") {
      await DB.prepare(TABLE).run();
      return new Response(null, { status: 204 });
    }
    const ids = await request.json<string[]>();
    const isJobs = new URL(request.url).pathname === "/jobs";
    if (isJobs) await send(ids, JOBS, (conversionId) => ({ v: 1, type: "conversion.run", conversionId }));
    else await send(ids, ROWS, (id) => ({ id }));
    return new Response(null, { status: 204 });
  },

  /** The least that anything kept can cost: one row a message. */
  async queue(batch, { DB }) {
    for (const message of batch.messages) {
      const { id } = message.body as RowMessage;
      await DB.prepare("INSERT INTO rows (id, at) VALUES (?, ?)").bind(id, Date.now()).run();
      message.ack();
    }
  },
} satisfies ExportedHandler<PipelineEnv>;
