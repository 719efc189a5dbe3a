import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { App, AppEnv } from "../../../http/app-type.ts";
import { matchesEtag } from "../../../http/etag.ts";
import { authenticate } from "../../../http/middleware/authenticate.ts";
import { idParam, problems, userAccess } from "../../../http/openapi.ts";
import { parseRange } from "../../../http/range.ts";
import { AppError } from "../../../kernel/app-error.ts";
import { validate } from "../../../kernel/validate.ts";
import { contentQuerySchema } from "../schemas.ts";
import {
  type ContentAccess,
  type FoundContent,
  findContent,
  locateContent,
  openContent,
} from "../service/get-image-content.ts";

const binary = { schema: z.string().openapi({ type: "string", format: "binary" }) };
const pictures = { "image/jpeg": binary, "image/png": binary, "image/webp": binary };

const route = createRoute({
  method: "get",
  path: "/api/images/{id}/content",
  operationId: "getImageContent",
  tags: ["Images"],
  summary: "The picture itself",
  description: "With a bearer token, or with `exp` and `sig` from a signed url. Takes `Range` and `If-None-Match`.",
  "x-role": userAccess["x-role"],
  security: [{ bearer: [] }, { signedUrl: [] }],
  request: { params: idParam, query: contentQuerySchema },
  responses: {
    200: { description: "The picture.", content: pictures },
    206: { description: "The requested part.", content: pictures },
    304: { description: "Not changed." },
    ...problems(
      "unauthenticated",
      "invalid_signature",
      "image_not_found",
      "range_not_satisfiable",
      "validation_failed",
    ),
  },
});

const EXTENSION = { "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp" } as const;

async function accessOf(
  c: Context<AppEnv>,
  query: { exp?: string | undefined; sig?: string | undefined },
): Promise<ContentAccess> {
  const { exp, sig } = query;
  if (exp !== undefined || sig !== undefined) return { kind: "signature", exp: exp ?? "", sig: sig ?? "" };
  await authenticate(c, async () => {});
  return { kind: "owner", userId: c.get("actor").userId };
}

function contentHeaders(content: FoundContent): Headers {
  const { image, mime, etag, maxAgeSeconds } = content;
  return new Headers({
    "Content-Type": mime,
    ETag: etag,
    "Accept-Ranges": "bytes",
    "Cache-Control": maxAgeSeconds === null ? "private, no-cache" : `private, max-age=${maxAgeSeconds}`,
    "Content-Disposition": `inline; filename="${image.id}.${EXTENSION[mime]}"`,
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": maxAgeSeconds === null ? "same-origin" : "cross-origin",
  });
}

async function contentResponse(c: Context<AppEnv>, content: FoundContent): Promise<Response> {
  const headers = contentHeaders(content);
  if (matchesEtag(c.req.header("If-None-Match"), content.etag)) return new Response(null, { status: 304, headers });
  const services = c.get("services");
  const { key, size } = await locateContent(services, content);
  const ifRange = c.req.header("If-Range");
  const range = parseRange(ifRange === undefined || ifRange === content.etag ? c.req.header("Range") : undefined, size);
  if (range.kind === "unsatisfiable") throw new AppError("range_not_satisfiable", { rangeTotal: size });
  const part = range.kind === "part" ? { offset: range.offset, length: range.length } : undefined;
  const length = part?.length ?? size;
  headers.set("Content-Length", String(length));
  if (part) headers.set("Content-Range", `bytes ${part.offset}-${part.offset + part.length - 1}/${size}`);
  const status = part ? 206 : 200;
  if (c.req.method === "HEAD") return new Response(null, { status, headers });
  const object = await openContent(services, key, part);
  const { readable, writable } = new FixedLengthStream(length);
  services.background(object.body.pipeTo(writable));
  return new Response(readable, { status, headers });
}

export function registerGetImageContent(app: App): void {
  app.openAPIRegistry.registerPath(route);
  app.get("/api/images/:id/content", async (c) => {
    const query = validate(contentQuerySchema, c.req.query());
    const access = await accessOf(c, query);
    const content = await findContent(c.get("services"), c.req.param("id"), query.variant, access);
    return contentResponse(c, content);
  });
}
