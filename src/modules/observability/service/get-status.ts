import type { CircuitState, TripReason } from "../../../ports/circuit-breaker.ts";
import type { ProviderId } from "../../../ports/image-generator.ts";
import { DEPENDENCIES, type Dependency } from "../../../ports/status-probes.ts";
import { circuitsOf } from "../circuits.ts";
import type { ObservabilityDeps } from "../deps.ts";
import { missingMigrations } from "./check-migrations.ts";

/** From the best to the worst. */
export const STATUSES = ["ok", "degraded", "down"] as const;
export type Status = (typeof STATUSES)[number];

interface Finding {
  readonly status: Status;
  /** Of the queue: how long the oldest conversion that is due has been waiting. */
  readonly lagMs?: number;
  /** Of the queue: how many messages wait in it, and for how long the oldest one has. */
  readonly backlog?: number;
  readonly oldestMs?: number;
  /** Of the database: how many migrations it lacks. */
  readonly migrationsMissing?: number;
  /** Of a provider: why the circuit of one of its models is not closed, and when it is tried again. */
  readonly reason?: TripReason;
  readonly retryAt?: number;
}

export interface StatusCheck extends Finding {
  readonly latencyMs: number;
}

export interface StatusReport {
  /** The worst of the checks. */
  readonly status: Status;
  readonly checks: Readonly<Record<Dependency | "sms", StatusCheck>> &
    Readonly<Record<`provider.${string}`, StatusCheck>>;
}

type StatusDeps = Pick<
  ObservabilityDeps,
  "config" | "clock" | "probes" | "circuits" | "business" | "expectedMigration"
> & {
  readonly conversions: Pick<ObservabilityDeps["conversions"], "listWakes">;
};

const PROBE_TIMEOUT_MS = 1_500;
/** The sweeper sends a spare message for what is late, once a minute: longer than that, and nobody is looking. */
const MAX_LAG_MS = 60_000;
/** Without these hardly any request succeeds. Without the others some do. */
const NEEDED: ReadonlySet<string> = new Set(["database", "objects", "durableObjects", "hasher"] satisfies Dependency[]);

/** Runs a probe within its time. Nothing of why it failed is told: the answer is for everybody. */
async function check(
  { clock }: Pick<StatusDeps, "clock">,
  name: string,
  probe: () => Promise<Finding>,
): Promise<StatusCheck> {
  const startedAt = clock.now();
  const failed: Finding = { status: NEEDED.has(name) ? "down" : "degraded" };
  const { promise: timeout, resolve } = Promise.withResolvers<Finding>();
  const timer = setTimeout(() => resolve(failed), PROBE_TIMEOUT_MS);
  const finding = await Promise.race([(async () => probe())().catch(() => failed), timeout]);
  clearTimeout(timer);
  return { ...finding, latencyMs: Math.max(0, clock.now() - startedAt) };
}

/** What the queue holds, and what is due and not under way: the queue is only a hint, and the rows are the truth. */
async function queueHealth({ clock, conversions, probes }: StatusDeps): Promise<Finding> {
  const asked = probes.queue().catch(() => null);
  const now = clock.now();
  const [oldest] = await conversions.listWakes(now, 1);
  const lagMs = oldest === undefined ? 0 : Math.max(0, now - oldest.wakeAt);
  const reading = await asked;
  if (reading === null) return { status: "degraded", lagMs };
  const status = lagMs > MAX_LAG_MS ? "degraded" : "ok";
  return { status, lagMs, backlog: reading.backlogMessages, oldestMs: reading.oldestAgeMs };
}

/** The tables can be read, and are those that this version needs. */
async function databaseHealth({ probes, business, expectedMigration }: StatusDeps): Promise<Finding> {
  const [latest] = await Promise.all([business.latestMigration(), probes.database()]);
  const migrationsMissing = missingMigrations(expectedMigration, latest);
  return migrationsMissing === 0 ? { status: "ok" } : { status: "degraded", migrationsMissing };
}

async function dependency(deps: StatusDeps, name: Dependency): Promise<Finding> {
  if (name === "queue") return queueHealth(deps);
  if (name === "database") return databaseHealth(deps);
  await deps.probes[name]();
  return { status: "ok" };
}

/** A provider is as well as the worst of its models: of those that are not, the one that takes longest to be tried. */
async function providerHealth({ config, clock, circuits }: StatusDeps, provider: ProviderId | "sms"): Promise<Finding> {
  const mine = circuitsOf(config).filter((circuit) => circuit.provider === provider);
  const states = await Promise.all(mine.map(({ circuit }) => circuits.state(circuit)));
  const waitOf = ({ reason, retryAfterMs }: CircuitState) => (reason === "forced" ? Infinity : (retryAfterMs ?? 0));
  const [worst] = states.filter(({ state }) => state !== "closed").sort((a, b) => waitOf(b) - waitOf(a));
  if (worst === undefined) return { status: "ok" };
  const { reason, retryAfterMs } = worst;
  return {
    status: "degraded",
    ...(reason === null ? {} : { reason }),
    ...(retryAfterMs === null ? {} : { retryAt: clock.now() + retryAfterMs }),
  };
}

/** Codes can be sent: to an inbox, or by a provider whose circuit is closed. */
async function smsHealth(deps: StatusDeps): Promise<Finding> {
  if (deps.config.sms.kind === "unavailable") return { status: "degraded" };
  return providerHealth(deps, "sms");
}

async function probeAll(deps: StatusDeps): Promise<StatusReport> {
  const probed = DEPENDENCIES.map((name) => [name, check(deps, name, () => dependency(deps, name))] as const);
  const byName = new Map<string, Promise<StatusCheck>>(probed);
  byName.set(
    "sms",
    check(deps, "sms", () => smsHealth(deps)),
  );
  for (const provider of deps.config.providers.available) {
    const name = `provider.${provider}`;
    // The local engine runs where uploads are decoded, and is as well as that Worker.
    const local = provider === "local" ? byName.get("imageProcessor") : undefined;
    byName.set(name, local ?? check(deps, name, () => providerHealth(deps, provider)));
  }
  const found = await Promise.all([...byName].map(async ([name, pending]) => [name, await pending] as const));
  const worst = Math.max(...found.map(([, { status }]) => STATUSES.indexOf(status)));
  return { status: STATUSES[worst] ?? "ok", checks: Object.fromEntries(found) as StatusReport["checks"] };
}

/** What works and what doesn't, found out now or within the last seconds by another request. */
export function getStatus(deps: StatusDeps & Pick<ObservabilityDeps, "statusRound">): Promise<StatusReport> {
  return deps.statusRound(() => probeAll(deps));
}
