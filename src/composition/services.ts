import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { Database } from "../db/d1/atomic.ts";
import { LATEST_MIGRATION } from "../db/d1/latest-migration.ts";
import { createD1AccountErasure } from "../db/d1/repositories/account-erasure.ts";
import { createD1AuditRepository } from "../db/d1/repositories/audit.ts";
import { createD1BusinessMetrics } from "../db/d1/repositories/business-metrics.ts";
import { createD1ConversionRepository } from "../db/d1/repositories/conversions.ts";
import { createD1DeadLetters } from "../db/d1/repositories/dead-letters.ts";
import { createD1DevSms } from "../db/d1/repositories/dev-sms.ts";
import { createD1ImageRepository } from "../db/d1/repositories/images.ts";
import { createD1OtpRepository } from "../db/d1/repositories/otp.ts";
import { createD1OutboxRepository } from "../db/d1/repositories/outbox.ts";
import { createD1ProviderCalls } from "../db/d1/repositories/provider-calls.ts";
import { createD1QuotaRepository } from "../db/d1/repositories/quota.ts";
import { createD1SmsOutbox } from "../db/d1/repositories/sms-outbox.ts";
import { createD1StageTimings } from "../db/d1/repositories/stage-timings.ts";
import { createD1UserRepository } from "../db/d1/repositories/users.ts";
import { systemClock } from "../kernel/clock.ts";
import type { Config } from "../kernel/config.ts";
import type { CoreServices } from "../kernel/core-services.ts";
import { createKeyring, type Keyring } from "../kernel/keyring.ts";
import type { Origin } from "../kernel/trace-context.ts";
import type { AdminDeps } from "../modules/admin/index.ts";
import type { AuditDeps } from "../modules/audit/index.ts";
import { type AccessTokens, type AuthDeps, createAccessTokens } from "../modules/auth/index.ts";
import { deliverSms } from "../modules/auth/jobs.ts";
import type { ConversionsDeps } from "../modules/conversions/index.ts";
import type { ImagesDeps } from "../modules/images/index.ts";
import {
  createSharedRound,
  type ObservabilityDeps,
  type SharedRound,
  type StatusReport,
} from "../modules/observability/index.ts";
import type { PlansDeps } from "../modules/plans/index.ts";
import type { UsersDeps } from "../modules/users/index.ts";
import { circuitOf } from "../ports/circuit-breaker.ts";
import { createCircuitBreakers } from "../providers/cloudflare/circuit-breakers.ts";
import { createRemoteImageProcessor } from "../providers/cloudflare/image-processor.ts";
import { meteredDatabase } from "../providers/cloudflare/metered-database.ts";
import { shardsOf } from "../providers/cloudflare/metrics-recorder.ts";
import { createMetricsSources, queueSource } from "../providers/cloudflare/metrics-sources.ts";
import { createQueueJobQueue, createQueueSmsQueue } from "../providers/cloudflare/queue-job-queue.ts";
import { createR2ObjectStore } from "../providers/cloudflare/r2-object-store.ts";
import { createRateLimiter } from "../providers/cloudflare/rate-limiter.ts";
import { createRpcPasswordHasher } from "../providers/cloudflare/rpc-password-hasher.ts";
import { createSessionStore } from "../providers/cloudflare/session-store.ts";
import { createStatusProbes } from "../providers/cloudflare/status-probes.ts";
import { guardedSms } from "../providers/sms/guarded-sms.ts";
import { createSmsSender } from "../providers/sms/sms-sender.ts";
import { configOf } from "./config.ts";
import { createTelemetry, type Telemetry } from "./telemetry.ts";

/** All that the api's verbs may ask for; each names what it takes with `Pick`. */
export interface ApiServices
  extends CoreServices,
    AuthDeps,
    UsersDeps,
    ImagesDeps,
    ConversionsDeps,
    PlansDeps,
    AuditDeps,
    AdminDeps,
    ObservabilityDeps {}

interface Shared {
  readonly keyring: Keyring;
  readonly accessTokens: AccessTokens;
  readonly statusRound: SharedRound<StatusReport>;
}

/** A round of probes takes 1.5 s at the most. */
const STATUS_ROUND = { clock: systemClock, cacheMs: 10_000, staleMs: 3_000 };

const shared = new WeakMap<object, Shared>();

/** What an isolate makes once: keys are derived by slow functions. */
function sharedOf(env: ApiEnv, config: Config): Shared {
  let made = shared.get(env);
  if (made === undefined) {
    const { secrets } = config;
    if (secrets === null) throw new Error("the api has no secrets");
    const { active, previous, next } = secrets;
    // A secret that is only announced verifies MACs already: while a change of it spreads, isolates that have it and
    // isolates that don't must take each other's refresh tokens.
    made = {
      keyring: createKeyring([active, ...[previous, next].filter((secret) => secret !== null)]),
      accessTokens: createAccessTokens(secrets, config.sessions.accessTokenTtlMs),
      statusRound: createSharedRound(STATUS_ROUND),
    };
    shared.set(env, made);
  }
  return made;
}

/** A send takes ten seconds at the most; nobody gets a code for as long as a lost probe is waited for. */
const SMS_PROBE_TTL_MS = 20_000;

type SmsServices = Pick<ApiServices, "sms" | "smsOutbox" | "smsInbox" | "dispatchSms">;

/**
 * How codes travel: by the queue, so that the answer waits for no provider; in development straight into the inbox,
 * where people and tests look for them at once.
 */
function smsServices(
  env: ApiEnv,
  core: CoreServices & Pick<ApiServices, "users"> & { readonly db: Database },
): SmsServices {
  const { config, db, background, alerts, logger, metrics, origin } = core;
  const inbox = createD1DevSms(db, core.clock);
  const smsOutbox = createD1SmsOutbox(db);
  const circuits = createCircuitBreakers(env.CIRCUIT_BREAKER, {
    logger,
    metrics,
    backoffMs: config.circuitBackoffMs,
    probeTtlMs: SMS_PROBE_TTL_MS,
  });
  const real =
    config.sms.kind === "smsir" || config.sms.kind === "twilio"
      ? guardedSms(createSmsSender(config.sms), circuitOf("sms", config.sms.kind), { circuits, alerts })
      : null;
  const sms = real ?? inbox;
  const jobs = createQueueSmsQueue(env.SMS_QUEUE);
  return {
    sms,
    smsOutbox,
    smsInbox: inbox,
    async dispatchSms(id) {
      if (real) background(jobs.sendSms(id, origin));
      else await deliverSms({ ...core, sms, smsOutbox }, id);
    },
  };
}

function probesOf(env: ApiEnv, db: Database) {
  return createStatusProbes({
    // Of the tables that hardly any request does without.
    database: async () =>
      db.run(
        sql`SELECT (SELECT 1 FROM users LIMIT 1), (SELECT 1 FROM images LIMIT 1), (SELECT 1 FROM conversions LIMIT 1)`,
      ),
    bucket: env.BUCKET,
    queue: queueSource("conversions", env.CONVERSION_QUEUE),
    sessions: env.USER_SESSIONS,
    limiter: env.RATE_LIMITER,
    hasher: env.HASHER,
    imageProcessor: env.IMAGE_PROCESSOR,
  });
}

function metricsSourcesOf(env: ApiEnv, { telemetry }: Config) {
  return createMetricsSources(shardsOf(env.METRICS_SHARD), telemetry.metrics.shards, {
    conversions: env.CONVERSION_QUEUE,
    sms: env.SMS_QUEUE,
    alerts: env.ALERT_QUEUE,
  });
}

interface ApiServicesOptions {
  /** What the invocation tells of itself through; made where it isn't given. */
  readonly telemetry?: Telemetry | undefined;
  /** The request, where there is one. */
  readonly origin?: Origin | null;
}

/** The api's services for one invocation. The one place that touches the api's bindings. */
export function createApiServices(
  env: ApiEnv,
  context: Pick<ExecutionContext, "waitUntil">,
  { telemetry: given, origin = null }: ApiServicesOptions = {},
): ApiServices {
  const config = configOf(env, "api");
  const telemetry = given ?? createTelemetry(env, { worker: "api", config, context, fields: {} });
  const { logger, metrics } = telemetry;
  const { keyring, accessTokens, statusRound } = sharedOf(env, config);
  const db = drizzle(meteredDatabase(env.DB, metrics));
  const core: CoreServices = { config, clock: systemClock, keyring, origin, ...telemetry };
  const users = createD1UserRepository(db);
  const circuits = createCircuitBreakers(env.CIRCUIT_BREAKER, { logger, metrics, backoffMs: config.circuitBackoffMs });
  const sms = () => smsServices(env, { ...core, db, users });
  return {
    ...core,
    accessTokens,
    sessions: createSessionStore(env.USER_SESSIONS, { keyring, limits: config.sessions }),
    users,
    rateLimiter: createRateLimiter(env.RATE_LIMITER, { keyring, metrics }),
    circuits,
    statusRound,
    conversions: createD1ConversionRepository(db),
    // These hold nothing, and a request needs few of them: each is made where it is asked for.
    get erasure() {
      return createD1AccountErasure(db);
    },
    get audit() {
      return createD1AuditRepository(db);
    },
    get otp() {
      return createD1OtpRepository(db);
    },
    get hasher() {
      return createRpcPasswordHasher(env.HASHER, telemetry);
    },
    get sms() {
      return sms().sms;
    },
    get smsOutbox() {
      return sms().smsOutbox;
    },
    get smsInbox() {
      return sms().smsInbox;
    },
    dispatchSms: (id) => sms().dispatchSms(id),
    get images() {
      return createD1ImageRepository(db);
    },
    get timings() {
      return createD1StageTimings(db);
    },
    get quota() {
      return createD1QuotaRepository(db);
    },
    get outbox() {
      return createD1OutboxRepository(db);
    },
    get objects() {
      return createR2ObjectStore(env.BUCKET);
    },
    get jobs() {
      return createQueueJobQueue(env.CONVERSION_QUEUE);
    },
    get imageProcessor() {
      return createRemoteImageProcessor(env.IMAGE_PROCESSOR);
    },
    get calls() {
      return createD1ProviderCalls(db);
    },
    get deadLetters() {
      return createD1DeadLetters(db);
    },
    get probes() {
      return probesOf(env, db);
    },
    get business() {
      return createD1BusinessMetrics(db);
    },
    get metricsSources() {
      return metricsSourcesOf(env, config);
    },
    expectedMigration: LATEST_MIGRATION,
    deployedVersion: env.VERSION_METADATA.id,
    flushMetrics: telemetry.flushMetrics,
  };
}
