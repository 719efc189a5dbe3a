import type { Context } from "hono";
import type { AppEnv } from "./app-type.ts";
import { matchesEtag } from "./etag.ts";

/** One of the Worker's own assets under `headers`, which win over its own; 304 where the caller has it, 404 where there is none. */
export async function assetResponse(
  c: Context<AppEnv>,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const asset = await c.env.ASSETS.fetch(new URL(path, c.req.url));
  if (!asset.ok) return c.notFound();
  const all = new Headers(asset.headers);
  for (const [name, value] of Object.entries(headers)) all.set(name, value);
  const isKnown = matchesEtag(c.req.header("If-None-Match"), all.get("ETag") ?? "");
  return new Response(isKnown ? null : asset.body, { status: isKnown ? 304 : 200, headers: all });
}
