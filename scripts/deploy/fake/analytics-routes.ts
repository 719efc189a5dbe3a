/**
 * The fake account's analytics: Analytics Engine's SQL, run by SQLite over points as the api writes them, and the one
 * query of GraphQL. Each version in traffic has had the traffic that the test says, since the deployment in force.
 */
import { z } from "zod";
import { createAnalytics } from "../../../src/providers/cloudflare/analytics.ts";
import { ask, createStandIn, type StandInPoint } from "../../prometheus/analytics-stand-in.ts";
import { FAKE_ACCOUNT, FakeRefusal, type FakeRoute } from "./fake-cloudflare.ts";
import { activeDeployment, type FakeAccount, type FakeScript, type FakeVersion } from "./state.ts";

export interface FakeTraffic {
  readonly requests: number;
  /** Of the requests, answered with 500. */
  readonly errors?: number;
  /** Of each request; by default 100. */
  readonly durationMs?: number;
  /** Invocations, beside the requests, that ran out of CPU. */
  readonly killed?: number;
}

export interface FakeAnalytics {
  readonly account: readonly FakeRoute[];
  readonly global: readonly FakeRoute[];
  /** What a version of a Worker has been asked since it has its share; settable, and no traffic at first. */
  traffic: (script: string, version: FakeVersion, percentage: number) => FakeTraffic;
}

const API = "ai-styler-api";
/** What a query that begins too early would see: an old version that failed at everything, which would excuse the new. */
const BEFORE: FakeTraffic = { requests: 100, errors: 100, durationMs: 60_000 };

interface Served {
  readonly version: FakeVersion;
  readonly traffic: FakeTraffic;
}

function served(analytics: FakeAnalytics, script: FakeScript): Served[] {
  return (activeDeployment(script)?.versions ?? []).flatMap(({ version_id, percentage }) => {
    const version = script.versions.find(({ id }) => id === version_id);
    if (version === undefined || percentage === 0) return [];
    return [{ version, traffic: analytics.traffic(script.name, version, percentage) }];
  });
}

function points({ version, traffic }: Served, timestamp: number, route: string): StandInPoint[] {
  const { requests, errors = 0, durationMs = 100 } = traffic;
  return [
    { count: requests - errors, status: 200 },
    { count: errors, status: 500 },
  ].flatMap(({ count, status }) => {
    const point = { kind: "request", method: "GET", route, status, code: "", country: "IR", durationMs } as const;
    const columns = { indexes: [] as string[], blobs: [] as string[], doubles: [] as number[] };
    createAnalytics({ writeDataPoint: (data) => void Object.assign(columns, data) }, version.id).write(point);
    return Array.from({ length: count }, () => ({ timestamp, sampleInterval: 1, ...columns }));
  });
}

/** @throws {FakeRefusal} unless it is asked from the beginning of what is in force, and no later than now. */
function checkWindow(account: FakeAccount, since: number): void {
  const deployments = [...account.scripts.values()].map((script) => activeDeployment(script)?.createdAt ?? 0);
  const last = Math.floor(Math.max(...deployments.map((at) => new Date(at).getTime())) / 1_000);
  if (since >= last && since <= account.now().getTime() / 1_000) return;
  throw new FakeRefusal(422, 10_000, `the window begins at ${since}, the last deployment was at ${last}`);
}

function answerSql(account: FakeAccount, analytics: FakeAnalytics, sql: string): string {
  const match =
    /^SELECT .+ FROM ai_styler WHERE index1 = 'request' AND timestamp >= toDateTime\((\d+)\) .*FORMAT JSON$/.exec(sql);
  if (match === null) throw new FakeRefusal(422, 10_000, `not a query of requests since a time: ${sql}`);
  checkWindow(account, Number(match[1]));
  const script = account.scripts.get(API);
  const now = Math.floor(account.now().getTime() / 1_000);
  const found = script === undefined ? [] : served(analytics, script);
  const written = found.flatMap((it) => [
    ...points(it, now, "/api/images"),
    ...points({ ...it, traffic: BEFORE }, Number(match[1]) - 1, "/api/images"),
    // Monitors' requests, which say nothing of how people are served.
    ...points({ ...it, traffic: { requests: 50, durationMs: 1 } }, now, "/api/health"),
  ]);
  const database = createStandIn("ai_styler", written);
  try {
    const data = ask(database, sql.replace(/ FORMAT JSON$/, ""));
    // Numbers of 64 bits are texts there.
    return JSON.stringify({ data }, (_, value) => (Number.isInteger(value) ? String(value) : value));
  } finally {
    database.close();
  }
}

const graphqlBody = z.object({
  query: z.string(),
  variables: z.object({ account: z.literal(FAKE_ACCOUNT), scripts: z.array(z.string()), since: z.coerce.date() }),
});
const SELECTED = [
  "workersInvocationsAdaptive",
  "filter: { accountTag: $account }",
  "scriptName_in: $scripts, datetime_geq: $since",
  "sum { requests }",
  "dimensions { scriptName scriptVersion status }",
];

function answerGraphql(account: FakeAccount, analytics: FakeAnalytics, body: unknown): string {
  const { query, variables } = graphqlBody.parse(body);
  const missing = SELECTED.filter((part) => !query.includes(part));
  if (missing.length > 0) return JSON.stringify({ data: null, errors: [{ message: `no ${missing.join(", ")}` }] });
  checkWindow(account, Math.floor(variables.since.getTime() / 1_000));
  const rows = variables.scripts.flatMap((name) => {
    const script = account.scripts.get(name);
    return (script === undefined ? [] : served(analytics, script)).flatMap(({ version, traffic }) =>
      Object.entries({ success: traffic.requests, exceededResources: traffic.killed ?? 0 })
        .filter(([, requests]) => requests > 0)
        .map(([status, requests]) => ({
          sum: { requests },
          dimensions: { scriptName: name, scriptVersion: version.id, status },
        })),
    );
  });
  return JSON.stringify({ data: { viewer: { accounts: [{ workersInvocationsAdaptive: rows }] } }, errors: null });
}

export function createFakeAnalytics(account: FakeAccount): FakeAnalytics {
  const analytics: FakeAnalytics = {
    traffic: () => ({ requests: 0 }),
    account: [
      {
        method: "POST",
        path: /^\/analytics_engine\/sql$/,
        answer: ({ body }) => ({ raw: answerSql(account, analytics, body.toString("utf8")) }),
      },
    ],
    global: [
      {
        method: "POST",
        path: /^\/graphql$/,
        answer: (request) => ({ raw: answerGraphql(account, analytics, request.json()) }),
      },
    ],
  };
  return analytics;
}
