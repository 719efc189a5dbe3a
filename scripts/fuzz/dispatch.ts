/** A generated request as it goes over the wire in this run. */
import type { Endpoint } from "./operations.ts";
import type { Auth, Body, FuzzRequest, Pair, SentRequest } from "./request.ts";
import { Scene, type Who, type World } from "./world.ts";

const BOUNDARY = "----ai-styler-fuzz-7f3a91";
/** What a header can carry over HTTP/1.1. */
const SENDABLE = /[^\t\x20-\x7e\x80-\xff]/g;

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

function unsigned(token: string): string {
  const [, payload = ""] = token.split(".");
  return `${base64({ alg: "none", typ: "at+jwt" })}.${payload}.`;
}

/** The payload says something else than what was signed. */
function tampered(token: string): string {
  const [header = "", payload = "", signature = ""] = token.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as object;
  return [header, base64({ ...claims, role: "admin", aud: "all" }), signature].join(".");
}

async function tokenOf(world: World, scene: Scene, who: Who): Promise<string | null> {
  if (who === "nobody") return null;
  return (who === "fresh" ? await scene.fresh() : await world.account(who)).accessToken;
}

async function endedToken(world: World): Promise<string> {
  return world.shared("ended token", async () => {
    const { accessToken } = await world.accounts.signUp();
    await fetch(`${world.service.url}/api/auth/logout`, {
      method: "POST",
      headers: { Authorization: `Bearer ${accessToken}` },
    });
    return accessToken;
  });
}

async function authorization(world: World, auth: Auth, token: string | null): Promise<string[]> {
  if (token === null || auth === "none") return [];
  if (auth === "valid") return [`Bearer ${token}`];
  if (auth === "wrong-role") return [`Bearer ${(await world.account("main")).accessToken}`];
  if (auth === "empty") return [""];
  if (auth === "basic") return [`Basic ${Buffer.from("admin:admin").toString("base64")}`];
  if (auth === "garbage") return ["Bearer not.a.token"];
  if (auth === "tampered") return [`Bearer ${tampered(token)}`];
  if (auth === "unsigned") return [`Bearer ${unsigned(token)}`];
  if (auth === "ended") return [`Bearer ${await endedToken(world)}`];
  if (auth === "long") return [`Bearer ${"a".repeat(5000)}`];
  return [`Bearer ${token}`, `Bearer ${token}`];
}

function encodePath(value: string): string {
  // A path with nothing, or with dots alone, in a place is another path.
  const text = /^\.{0,2}$/.test(value) ? "x" : value.toWellFormed();
  return encodeURIComponent(text);
}

async function addressOf(url: string, path: string, request: FuzzRequest, scene: Scene): Promise<string> {
  let address = path;
  for (const [name, value] of Object.entries(request.params)) {
    address = address.replace(`{${name}}`, encodePath(await scene.fill(value)));
  }
  const query: string[] = [];
  for (const [name, value] of request.query) {
    query.push(`${name}=${encodeURIComponent((await scene.fill(value)).toWellFormed())}`);
  }
  return `${url}${address}${query.length > 0 ? `?${query.join("&")}` : ""}`;
}

async function multipart(world: World, scene: Scene, body: Extract<Body, { kind: "multipart" }>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (const part of body.parts) {
    const isFile = "picture" in part;
    const disposition = `form-data; name="${part.name}"${isFile ? '; filename="picture.bin"' : ""}`;
    const content = isFile ? world.pictures[part.picture] : Buffer.from((await scene.fill(part.value)).toWellFormed());
    const head = `--${BOUNDARY}\r\nContent-Disposition: ${disposition}\r\n${isFile ? "Content-Type: image/png\r\n" : ""}\r\n`;
    chunks.push(Buffer.from(head), content, Buffer.from("\r\n"));
  }
  return Buffer.concat([...chunks, Buffer.from(`--${BOUNDARY}--\r\n`)]);
}

async function bodyOf(world: World, scene: Scene, body: Body | null): Promise<[Buffer | null, string | null]> {
  if (body === null) return [null, null];
  if (body.kind === "json") {
    const text = await scene.fill(JSON.stringify(body.value));
    return [Buffer.from(text), body.mediaType ?? "application/json"];
  }
  if (body.kind === "text") return [Buffer.from((await scene.fill(body.text)).toWellFormed()), body.mediaType];
  if (body.kind === "bytes") return [Buffer.from(body.base64, "base64"), body.mediaType];
  return [await multipart(world, scene, body), body.mediaType ?? `multipart/form-data; boundary=${BOUNDARY}`];
}

export interface Dispatched {
  readonly sent: SentRequest;
  /** Whose token was sent, for those who want to send it again. */
  readonly token: string | null;
}

/** Makes what the request needs, and puts the values of this run in. */
export async function dispatch(world: World, endpoint: Endpoint, who: Who, request: FuzzRequest): Promise<Dispatched> {
  const scene = new Scene(world);
  const token = await tokenOf(world, scene, who);
  const [body, mediaType] = await bodyOf(world, scene, request.body);
  const headers: Pair[] = [];
  for (const value of await authorization(world, request.auth, token)) headers.push(["Authorization", value]);
  if (mediaType !== null) headers.push(["Content-Type", mediaType]);
  for (const [name, value] of request.headers) headers.push([name, (await scene.fill(value)).replace(SENDABLE, "?")]);
  const url = await addressOf(world.service.url, endpoint.path, request, scene);
  return { sent: { method: request.method, url, headers, body }, token: request.auth === "valid" ? token : null };
}
