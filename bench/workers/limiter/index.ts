import { DurableObject } from "cloudflare:workers";
import { RateLimiter } from "../../../durable-objects/rate-limiter/rate-limiter.ts";

export { RateLimiter };

const SCHEMA =
  "CREATE TABLE IF NOT EXISTS writes (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, ends_at INTEGER NOT NULL)";

/** The least that anything durable costs here: one row appended, of the shape of the limiter's. */
export class OneWrite extends DurableObject {
  #hasTable = false;

  async write(): Promise<void> {
    if (!this.#hasTable) this.ctx.storage.sql.exec(SCHEMA);
    this.#hasTable = true;
    const now = Date.now();
    this.ctx.storage.sql.exec("INSERT INTO writes (at, ends_at) VALUES (?, ?)", now, now);
  }
}

interface LimiterBenchEnv {
  readonly LIMITER: DurableObjectNamespace<RateLimiter>;
  readonly ONE_WRITE: DurableObjectNamespace<OneWrite>;
}

/** Both ways read the same query, so that they differ in the object alone. */
async function answer(request: Request, env: LimiterBenchEnv): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const key = searchParams.get("key") ?? "";
  const limit = Number(searchParams.get("limit"));
  const windowMs = Number(searchParams.get("windowMs"));
  if (pathname === "/write") {
    await env.ONE_WRITE.getByName(key).write();
    return new Response(null, { status: 204 });
  }
  const { allowed } = await env.LIMITER.getByName(key).take({ windows: [{ limit, windowMs }] });
  return new Response(null, { status: allowed ? 204 : 429 });
}

export default { fetch: answer } satisfies ExportedHandler<LimiterBenchEnv>;
