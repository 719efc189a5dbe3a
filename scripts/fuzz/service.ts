/** The service that is fuzzed: a stack of its own, with limits so wide that only what is wrong is refused. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startGeminiFake } from "../../src/providers/gemini/fake.ts";
import { freePort, startStack } from "../stack.ts";
import { newSecret, type Variables } from "../stack-env.ts";

export interface Service {
  readonly url: string;
  /** Where its database is, for what no user may do; null for a service that runs elsewhere. */
  readonly stateDir: string | null;
  /** Values that no answer may show. */
  readonly secrets: readonly string[];
  /** The last lines of its log. */
  logText(): string;
  stop(): Promise<void>;
}

const MANY = "1000000";
/** Hashes cost next to nothing here: how they are made is not what is looked at. */
const LIMITS: Variables = {
  ARGON2_MEMORY: "64",
  ARGON2_ITERATIONS: "1",
  LOGIN_TIME_FLOOR: "0ms",
  ACCESS_TOKEN_TTL: "6h",
  MAX_LOGIN_ATTEMPTS: "1000",
  MAX_SESSIONS_PER_USER: "1000",
  FREE_MONTHLY_CONVERSIONS: MANY,
  MAX_CONCURRENT_CONVERSIONS: "1000",
  RATE_LIMIT_OTP_PER_PHONE: MANY,
  RATE_LIMIT_OTP_PER_IP: MANY,
  RATE_LIMIT_COMMANDS_PER_USER: MANY,
  RATE_LIMIT_UPLOADS_PER_USER: MANY,
  RATE_LIMIT_CONVERSIONS_PER_USER: MANY,
  LOG_FORMAT: "json",
};

/** Starts the four Workers on a free port with state of their own, and a fake of Google's API beside them. */
export async function startService(): Promise<Service> {
  const stateDir = await mkdtemp(join(tmpdir(), "ai-styler-fuzz-"));
  const gemini = await startGeminiFake({ resultSidePx: 128 });
  const secret = newSecret();
  const env: Variables = {
    ENVIRONMENT: "development",
    JWT_SECRET: secret,
    GEMINI_API_KEY: gemini.apiKey,
    GEMINI_BASE_URL: gemini.url,
    PROVIDERS: "local,gemini",
    ...LIMITS,
  };
  const stack = await startStack({ port: await freePort(), stateDir, env });
  const stop = async () => {
    await stack.stop();
    await gemini.close();
    await rm(stateDir, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await stack.ready(90_000);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: stack.url,
    stateDir,
    secrets: [secret, gemini.apiKey],
    logText: () => stack.logs.map(({ source, text }) => `${source} ${text}`).join("\n"),
    stop,
  };
}

/** A service that somebody else runs. */
export function serviceAt(url: string, stateDir: string | null): Service {
  return { url: url.replace(/\/+$/, ""), stateDir, secrets: [], logText: () => "", stop: async () => {} };
}
