import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, type Health, type Stack, startStack } from "../../../scripts/stack.ts";
import { newSecret, ROOT, type Variables } from "../../../scripts/stack-env.ts";

const READY_MS = 90_000;

export interface TestStack {
  readonly url: string;
  readonly health: Health;
  /** The last log lines of the Workers, as one text. */
  logText(): string;
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
  let stack: Stack;
  let health: Health;
  const start = async () => {
    stack = await startStack({ port: await freePort(), stateDir, env });
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
    logText: () => stack.logs.map(({ source, text }) => `${source} ${text}`).join("\n"),
    crash: () => stack.kill(),
    restart: start,
    async close() {
      await stack.stop();
      await rm(stateDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
