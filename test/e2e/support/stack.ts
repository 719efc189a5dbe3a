import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, type Health, type Stack, startStack } from "../../../scripts/stack.ts";
import { newSecret, ROOT, type Variables } from "../../../scripts/stack-env.ts";
import type { LogLine } from "../../../scripts/stack-logs.ts";
import { watch, watchText } from "./watched.ts";

const READY_MS = 90_000;
/** Variables whose values nobody may read in a log. */
const SECRETS = [
  "JWT_SECRET",
  "JWT_SECRET_PREVIOUS",
  "PASSWORD_PEPPER",
  "GEMINI_API_KEY",
  "SMS_API_KEY",
  "METRICS_TOKEN",
  "SENTRY_DSN",
  "TELEGRAM_BOT_TOKEN",
  "LOKI_AUTHORIZATION",
];

export interface TestStack {
  readonly url: string;
  readonly health: Health;
  /** Where D1, R2 and Durable Objects live, for the scripts that work on them. */
  readonly stateDir: string;
  /** The last log lines of the Workers, as one text. */
  logText(): string;
  /** Every log line since the first start. */
  readonly lines: readonly string[];
  /** Kills all processes with SIGKILL, as a crash would, and starts again on the same state, on another port. */
  crash(): Promise<void>;
  restart(): Promise<void>;
  close(): Promise<void>;
}

export const sample = (name: string) => join(ROOT, "samples", name);

/** Four real Workers with their own port and state; `variables` override the development defaults. */
export async function startTestStack(variables: Variables = {}): Promise<TestStack> {
  const stateDir = await mkdtemp(join(tmpdir(), "ai-styler-e2e-"));
  const env = { ENVIRONMENT: "development", JWT_SECRET: newSecret(), ...variables };
  watch.addSecret(...SECRETS.flatMap((name) => (env as Variables)[name] ?? []));
  let stack: Stack;
  let health: Health;
  const lines: string[] = [];
  const onLog = ({ source, text }: LogLine) => void lines.push(`${source} ${text}`);
  watchText(() => lines);
  const start = async () => {
    stack = await startStack({ port: await freePort(), stateDir, env, onLog });
    health = await stack.ready(READY_MS);
  };
  await start();
  return {
    get url() {
      return stack.url;
    },
    get health() {
      return health;
    },
    stateDir,
    lines,
    logText: () => stack.logs.map(({ source, text }) => `${source} ${text}`).join("\n"),
    crash: () => stack.kill(),
    restart: start,
    async close() {
      await stack.stop();
      await rm(stateDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
