/** Whether one version of the api answers, asked at production's own address before it gets any other traffic. */
import { WORKERS } from "../workers.ts";
import { pause } from "./abort.ts";

/** https://developers.cloudflare.com/workers/versions-and-deployments/version-overrides/ */
const OVERRIDES = "Cloudflare-Workers-Version-Overrides";
const VERSION_HEADER = "X-Worker-Version";
const API = WORKERS.find(({ role }) => role === "api")?.name;
const TIMEOUT_MS = 10_000;
/** A deployment is everywhere within seconds; a new address, with its certificate, within minutes. */
const LOOKS = 15;
const LOOKS_AT_NEW_ADDRESS = 150;

export interface Asked {
  readonly productionUrl: string;
  readonly versionId: string;
  readonly signal: AbortSignal;
  /** Between two looks at whether the version is there. */
  readonly pauseMs: number;
  readonly isNewAddress: boolean;
}

async function get({ productionUrl, versionId, signal }: Asked, path: string): Promise<Response> {
  const headers = { [OVERRIDES]: `${API}="${versionId}"`, "Cache-Control": "no-cache" };
  const within = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  try {
    return await fetch(`${productionUrl}${path}`, { headers, redirect: "manual", signal: within });
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(`GET ${path}: no answer from ${productionUrl}`, { cause: error });
  }
}

async function health(asked: Asked): Promise<string | null> {
  const response = await get(asked, "/api/health");
  await response.body?.cancel();
  if (response.status !== 200) return `GET /api/health: ${response.status} instead of 200`;
  const version = response.headers.get(VERSION_HEADER);
  return version === asked.versionId ? null : `GET /api/health: answered by ${version}, not by ${asked.versionId}`;
}

async function status(asked: Asked): Promise<string | null> {
  const response = await get(asked, "/api/status");
  const report: unknown = await response.json().catch(() => null);
  const state = typeof report === "object" && report !== null && "status" in report ? report.status : null;
  const isWell = response.status === 200 && (state === "ok" || state === "degraded");
  return isWell ? null : `GET /api/status: ${response.status}, ${String(state ?? "no report")}`;
}

async function unauthenticated(asked: Asked): Promise<string | null> {
  const response = await get(asked, "/api/users/me");
  await response.body?.cancel();
  const type = response.headers.get("Content-Type") ?? "";
  if (response.status === 401 && type.startsWith("application/problem+json")) return null;
  return `GET /api/users/me without a token: ${response.status} ${type} instead of 401 application/problem+json`;
}

async function document(asked: Asked): Promise<string | null> {
  const response = await get(asked, "/api/docs/openapi.json");
  const parsed: unknown = await response.json().catch(() => null);
  const isDocument = typeof parsed === "object" && parsed !== null && "openapi" in parsed && "paths" in parsed;
  return response.status === 200 && isDocument ? null : `GET /api/docs/openapi.json: ${response.status}, no document`;
}

/** What is wrong with the version, asked lightly; null when nothing is. Never throws but for the signal. */
export async function probe(asked: Asked): Promise<string | null> {
  try {
    return (await health(asked)) ?? (await status(asked));
  } catch (error) {
    asked.signal.throwIfAborted();
    return error instanceof Error ? error.message : String(error);
  }
}

/** @throws {Error} with the first thing that is wrong. */
export async function smoke(asked: Asked): Promise<void> {
  let wrong = await probe(asked);
  const looks = asked.isNewAddress ? LOOKS_AT_NEW_ADDRESS : LOOKS;
  for (let look = 1; wrong !== null && look < looks; look++) {
    await pause(asked.pauseMs, asked.signal);
    wrong = await probe(asked);
  }
  wrong ??= (await unauthenticated(asked)) ?? (await document(asked));
  if (wrong !== null) throw new Error(`the new version of the api does not answer as it should: ${wrong}`);
}
