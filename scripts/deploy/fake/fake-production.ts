/** Production's address before the fake account: answers as the api's version that Cloudflare would choose. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { activeDeployment, type FakeAccount, type FakeVersion } from "./state.ts";

const API = "ai-styler-api";

export interface FakeProduction {
  readonly url: string;
  /** `path version`, in the order in which they came; a version that was asked for by header is marked with `!`. */
  readonly asked: readonly string[];
  /** Paths that a version answers with a 500; settable. */
  breaks: (version: FakeVersion, path: string) => boolean;
  stop(): Promise<void>;
}

/** Of a version in force, even with 0 %; a header that names another is ignored. */
function overridden(account: FakeAccount, header: unknown): FakeVersion | undefined {
  const wanted = /(?:^|,\s*)ai-styler-api="([^"]+)"/.exec(String(header ?? ""))?.[1];
  const script = account.scripts.get(API);
  const isInForce = script && activeDeployment(script)?.versions.some(({ version_id }) => version_id === wanted);
  return isInForce ? script.versions.find(({ id }) => id === wanted) : undefined;
}

function greatest(account: FakeAccount): FakeVersion | undefined {
  const script = account.scripts.get(API);
  const [first] = (script ? (activeDeployment(script)?.versions ?? []) : []).toSorted(
    (a, b) => b.percentage - a.percentage,
  );
  return script?.versions.find(({ id }) => id === first?.version_id);
}

const ANSWERS: Readonly<Record<string, { status: number; body: unknown; type?: string }>> = {
  "/api/health": { status: 200, body: { status: "ok" } },
  "/api/status": { status: 200, body: { status: "ok", checks: {} } },
  "/api/users/me": { status: 401, body: { code: "unauthorized" }, type: "application/problem+json" },
  "/api/docs/openapi.json": { status: 200, body: { openapi: "3.1.0", paths: {} } },
};

export async function startFakeProduction(account: FakeAccount): Promise<FakeProduction> {
  const asked: string[] = [];
  const production = { breaks: (_version: FakeVersion, _path: string) => false };

  function answer(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const path = new URL(incoming.url ?? "/", "http://fake").pathname;
    const chosen = overridden(account, incoming.headers["cloudflare-workers-version-overrides"]);
    const version = chosen ?? greatest(account);
    asked.push(`${path} ${chosen ? "!" : ""}${version?.id}`);
    const known = version === undefined ? undefined : ANSWERS[path];
    const isBroken = version !== undefined && production.breaks(version, path);
    const {
      status,
      body,
      type = "application/json",
    } = known === undefined ? { status: 404, body: {} } : isBroken ? { status: 500, body: { status: "down" } } : known;
    outgoing.writeHead(status, { "Content-Type": type, "X-Worker-Version": version?.id ?? "none" });
    outgoing.end(JSON.stringify(body));
  }

  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(production, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  });
}
