import { type DrizzleD1Database, drizzle } from "drizzle-orm/d1";
import { createD1ConversionRepository } from "../db/d1/repositories/conversions.ts";
import { createD1DevSms } from "../db/d1/repositories/dev-sms.ts";
import { createD1ImageRepository } from "../db/d1/repositories/images.ts";
import { createD1OtpRepository } from "../db/d1/repositories/otp.ts";
import { createD1OutboxRepository } from "../db/d1/repositories/outbox.ts";
import { createD1QuotaRepository } from "../db/d1/repositories/quota.ts";
import { createD1UserRepository } from "../db/d1/repositories/users.ts";
import { systemClock } from "../kernel/clock.ts";
import type { Config } from "../kernel/config.ts";
import type { CoreServices } from "../kernel/core-services.ts";
import { describeError } from "../kernel/describe-error.ts";
import { createKeyring, type Keyring } from "../kernel/keyring.ts";
import { createLogger } from "../kernel/logger.ts";
import { type AccessTokens, type AuthDeps, createAccessTokens } from "../modules/auth/index.ts";
import type { ConversionsDeps } from "../modules/conversions/index.ts";
import type { ImagesDeps } from "../modules/images/index.ts";
import type { PlansDeps } from "../modules/plans/index.ts";
import type { UsersDeps } from "../modules/users/index.ts";
import { createRemoteImageProcessor } from "../providers/cloudflare/image-processor.ts";
import { createQueueJobQueue } from "../providers/cloudflare/queue-job-queue.ts";
import { createR2ObjectStore } from "../providers/cloudflare/r2-object-store.ts";
import { createRpcPasswordHasher } from "../providers/cloudflare/rpc-password-hasher.ts";
import { createSessionStore } from "../providers/cloudflare/session-store.ts";
import { configOf } from "./config.ts";

/** All that the api's verbs may ask for; each names what it takes with `Pick`. */
export interface ApiServices extends CoreServices, AuthDeps, UsersDeps, ImagesDeps, ConversionsDeps, PlansDeps {}

interface Shared {
  readonly keyring: Keyring;
  readonly accessTokens: AccessTokens;
  readonly db: DrizzleD1Database;
}

const shared = new WeakMap<object, Shared>();

/** What an isolate makes once: keys are derived by slow functions, and clients of D1 hold no connection. */
function sharedOf(env: ApiEnv, config: Config): Shared {
  let made = shared.get(env);
  if (made === undefined) {
    const [active, ...previous] = config.secrets;
    made = {
      keyring: createKeyring([active as string, ...previous]),
      accessTokens: createAccessTokens(config.secrets, config.sessions.accessTokenTtlMs),
      db: drizzle(env.DB),
    };
    shared.set(env, made);
  }
  return made;
}

/** The api's services for one request. The one place that touches the api's bindings. */
export function createApiServices(env: ApiEnv, context: Pick<ExecutionContext, "waitUntil">): ApiServices {
  const config = configOf(env, "api");
  const logger = createLogger(config.log, { service: "api" });
  const { keyring, accessTokens, db } = sharedOf(env, config);
  const devSms = createD1DevSms(db, systemClock);
  return {
    config,
    clock: systemClock,
    logger,
    keyring,
    accessTokens,
    sessions: createSessionStore(env.USER_SESSIONS, { keyring, limits: config.sessions }),
    users: createD1UserRepository(db),
    otp: createD1OtpRepository(db),
    hasher: createRpcPasswordHasher(env.HASHER),
    sms: devSms,
    smsInbox: devSms,
    images: createD1ImageRepository(db),
    conversions: createD1ConversionRepository(db),
    quota: createD1QuotaRepository(db),
    outbox: createD1OutboxRepository(db),
    objects: createR2ObjectStore(env.BUCKET),
    jobs: createQueueJobQueue(env.CONVERSION_QUEUE),
    imageProcessor: createRemoteImageProcessor(env.IMAGE_PROCESSOR),
    background(task) {
      context.waitUntil(
        task.catch((error: unknown) => {
          logger.log("warn", "background task failed", { cause: describeError(error) });
        }),
      );
    },
  };
}
