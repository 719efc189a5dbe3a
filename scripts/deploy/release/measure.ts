/** How two versions of each Worker did since a moment, by what Cloudflare's analytics tell. */
import { z } from "zod";
import { type CloudflareAccess, type CloudflareApi, OFFICIAL } from "../cloudflare-api.ts";
import { PRODUCTION } from "../names.ts";
import { type Measured, type Share, slowLimitMs, type VersionSample, type WorkerInvocations } from "./verdict.ts";

const TIMEOUT_MS = 30_000;
/** Probes of this script and of others' monitors would make a bad version look better. */
const UNCOUNTED = ["/api/health", "/api/status"] as const;
/** Statuses of invocations that are no failure of the Worker; every other is. */
const WELL: ReadonlySet<string> = new Set(["success", "clientDisconnected", "canceled", "responseStreamDisconnected"]);

/** A Worker's two versions. `old` is null where the new one has replaced it, or there was none. */
export interface VersionPair {
  readonly worker: string;
  readonly fresh: string;
  readonly old: string | null;
}

const rows = <T>(row: z.ZodType<T>) => z.object({ data: z.array(row) });
const versionRows = rows(
  z.object({
    version: z.string(),
    requests: z.coerce.number(),
    errors: z.coerce.number(),
    points: z.coerce.number(),
    p95Ms: z.coerce.number(),
  }),
);
const slowRows = rows(z.object({ slow: z.coerce.number(), points: z.coerce.number() }));

const seconds = (at: Date) => Math.floor(at.getTime() / 1_000);

/** Columns: src/providers/cloudflare/analytics.ts. */
function countedSince(since: Date): string {
  const routes = UNCOUNTED.map((route) => `blob3 != '${route}'`).join(" AND ");
  const window = `timestamp >= toDateTime(${seconds(since)})`;
  return `FROM ${PRODUCTION.dataset} WHERE index1 = 'request' AND ${window} AND ${routes}`;
}

export function versionsQuery(since: Date): string {
  const columns = [
    "blob7 AS version",
    "SUM(_sample_interval) AS requests",
    "SUM(if(blob4 >= '500', _sample_interval, 0)) AS errors",
    "COUNT() AS points",
    "quantileExactWeighted(0.95)(double1, _sample_interval) AS p95Ms",
  ];
  return `SELECT ${columns.join(", ")} ${countedSince(since)} GROUP BY version FORMAT JSON`;
}

/** Points, not what they stand for: a test of chance goes by what was seen. */
export function slowQuery(since: Date, versionId: string, limitMs: number): string {
  const columns = `SUM(if(double1 > ${limitMs}, 1, 0)) AS slow, COUNT() AS points`;
  return `SELECT ${columns} ${countedSince(since)} AND blob7 = '${versionId}' FORMAT JSON`;
}

const INVOCATIONS = `query ($account: string!, $scripts: [string!], $since: Time!) {
  viewer {
    accounts(filter: { accountTag: $account }) {
      workersInvocationsAdaptive(limit: 10000, filter: { scriptName_in: $scripts, datetime_geq: $since }) {
        sum { requests }
        dimensions { scriptName scriptVersion status }
      }
    }
  }
}`;

const invocationRow = z.object({
  sum: z.object({ requests: z.number() }),
  dimensions: z.object({ scriptName: z.string(), scriptVersion: z.string(), status: z.string() }),
});
type InvocationRow = z.infer<typeof invocationRow>;
const invocationAnswer = z.object({
  data: z
    .object({
      viewer: z.object({ accounts: z.array(z.object({ workersInvocationsAdaptive: z.array(invocationRow) })) }),
    })
    .nullish(),
  errors: z.array(z.object({ message: z.string() })).nullish(),
});

async function readInvocations(
  access: CloudflareAccess,
  since: Date,
  scripts: readonly string[],
): Promise<InvocationRow[]> {
  const variables = { account: access.accountId, scripts, since: since.toISOString() };
  const response = await fetch(`${access.baseUrl ?? OFFICIAL}/graphql`, {
    method: "POST",
    headers: { Authorization: `Bearer ${access.token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ query: INVOCATIONS, variables }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`POST /graphql: ${response.status} ${text.slice(0, 200)}`);
  const { data, errors } = invocationAnswer.parse(JSON.parse(text));
  if (errors?.length) throw new Error(`POST /graphql: ${errors.map(({ message }) => message).join("; ")}`);
  return data?.viewer.accounts.flatMap((it) => it.workersInvocationsAdaptive) ?? [];
}

function shareOf(found: readonly InvocationRow[], script: string, version: string | null): Share {
  const own = found.filter(
    ({ dimensions }) => dimensions.scriptName === script && dimensions.scriptVersion === version,
  );
  const count = (some: readonly InvocationRow[]) => some.reduce((sum, row) => sum + row.sum.requests, 0);
  return { bad: count(own.filter(({ dimensions }) => !WELL.has(dimensions.status))), total: count(own) };
}

async function readSlow(api: CloudflareApi, since: Date, version: string, limitMs: number): Promise<Share> {
  const [row] = slowRows.parse(
    JSON.parse(await api.text("/analytics_engine/sql", slowQuery(since, version, limitMs))),
  ).data;
  return { bad: row?.slow ?? 0, total: row?.points ?? 0 };
}

/** @throws {Error} when either of the two can't be asked: what nobody can see is no good. */
export async function measure(
  api: CloudflareApi,
  access: CloudflareAccess,
  since: Date,
  pairs: readonly VersionPair[],
): Promise<Measured> {
  const [answer, found] = await Promise.all([
    api.text("/analytics_engine/sql", versionsQuery(since)),
    readInvocations(
      access,
      since,
      pairs.map(({ worker }) => worker),
    ),
  ]);
  const samples = versionRows.parse(JSON.parse(answer)).data;
  const sampleOf = (version: string | null | undefined): VersionSample | null =>
    samples.find((row) => row.version === version) ?? null;
  const own = pairs.find(({ worker }) => worker === PRODUCTION.workers.api);
  const old = sampleOf(own?.old);
  const limitMs = slowLimitMs(old);
  const slow = own === undefined || limitMs === null ? null : await readSlow(api, since, own.fresh, limitMs);
  const invocations = pairs.map(({ worker, fresh, old: before }): WorkerInvocations => {
    return { worker, fresh: shareOf(found, worker, fresh), old: shareOf(found, worker, before) };
  });
  return { fresh: sampleOf(own?.fresh), old, slow, invocations };
}
