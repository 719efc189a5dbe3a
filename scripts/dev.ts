/** `npm run dev`: the four Workers on this machine, migrated, with a secret made where there is none. */
import { join, relative, resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { type Health, type Stack, StackError, startStack } from "./stack.ts";
import { configFromEnvironment, ROOT, readDevVars } from "./stack-env.ts";
import { configurationProblem, type LogLine } from "./stack-logs.ts";
import { stopRequested } from "./stop-requested.ts";

const startedAt = performance.now();
const seconds = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
const color = process.stdout.isTTY && process.env.NO_COLOR === undefined;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

let problem: string | null = null;

function onLog({ source, text }: LogLine): void {
  problem ??= configurationProblem(text);
  say(`${source.padEnd(8)} ${color ? text : stripVTControlCharacters(text)}`);
}

function readPort(): number {
  const port = Number(process.env.PORT || "8787");
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new StackError(`PORT must be a number from 1 to 65535, not "${process.env.PORT}"`);
}

/** A path from the project's root, unless it lies outside. */
function shown(path: string): string {
  const inside = relative(ROOT, path);
  return inside === "" || inside.startsWith("..") ? path : inside;
}

async function start(): Promise<Stack> {
  const port = readPort();
  const { variables, made } = await readDevVars(join(ROOT, ".dev.vars"));
  if (made !== null) say(`dev      ${made}`);
  const stateDir = resolve(ROOT, process.env.STATE_DIR || ".wrangler/state");
  say(`dev      starting on port ${port}, state in ${shown(stateDir)}`);
  const env = { ENVIRONMENT: "development", ...variables, ...configFromEnvironment(process.env) };
  return startStack({ port, stateDir, env, onLog });
}

/** Who makes pictures, as the running service has it; null when it can't be told now. */
async function modelsOf(url: string): Promise<string | null> {
  try {
    const response = await fetch(`${url}/api/status`, { signal: AbortSignal.timeout(5_000) });
    const { checks } = (await response.json()) as { checks: Record<string, unknown> };
    const [usual, ...others] = Object.keys(checks).flatMap((name) => /^provider\.(.+)$/.exec(name)?.[1] ?? []);
    return [`${usual} by default`, ...others].join(", ");
  } catch {
    return null;
  }
}

/** Where codes wait for people at a desk; null where they really travel. */
async function inboxOf(url: string): Promise<string | null> {
  const inbox = `${url}/api/dev/sms?phone=09120000000`;
  const response = await fetch(inbox, { signal: AbortSignal.timeout(5_000) }).catch(() => null);
  return response?.ok ? inbox : null;
}

async function announce(url: string, health: Health): Promise<void> {
  if (health.status !== 200) {
    const code = (health.body as { code?: string } | null)?.code ?? "no code";
    say(`\ndev      ${url} answers ${health.status} (${code}) after ${seconds()}.`);
    if (problem !== null) say(`dev      bad configuration: ${problem}`);
    say("dev      Set it in the environment or in .dev.vars, then start again.\n");
    return;
  }
  const [models, inbox] = await Promise.all([modelsOf(url), inboxOf(url)]);
  say(`
  AI Styler is ready after ${seconds()}.

    API    ${url}/api
    Docs   ${url}/api/docs
    SMS    ${inbox === null ? "codes are sent by the SMS provider" : `${inbox}   the inbox of a phone, with its codes`}
    Status ${url}/api/status   what works and what doesn't; numbers at /api/metrics
    Models ${models ?? "see docs/providers.md"}

  Ctrl-C stops it.
`);
}

async function waitUntilReady(stack: Stack): Promise<never | undefined> {
  for (;;) {
    try {
      const health = await stack.ready(60_000);
      // The log line that says why may come a moment after the answer.
      if (health.status !== 200) await new Promise((done) => setTimeout(done, 500));
      await announce(stack.url, health);
      return undefined;
    } catch (error) {
      const ended = await Promise.race([stack.exited, Promise.resolve(null)]);
      if (ended !== null || !(error instanceof StackError)) throw error;
      say(`dev      ${error.message}; still waiting.`);
    }
  }
}

async function main(): Promise<number> {
  const requested = stopRequested();
  const starting = start();
  const stack = await Promise.race([starting, requested]);
  if (typeof stack === "string") return 0;
  const ended = waitUntilReady(stack).then(() => stack.exited);
  const outcome = await Promise.race([
    requested.then(() => "stop" as const),
    ended.then((how) => new StackError(how)).catch((error: unknown) => error),
  ]);
  if (outcome === "stop") {
    say(`dev      stopping: ${await requested}`);
    await stack.stop();
    return 0;
  }
  await stack.kill();
  throw outcome;
}

try {
  process.exit(await main());
} catch (error) {
  if (!(error instanceof StackError)) throw error;
  for (const { text } of error.logs.slice(-30)) process.stderr.write(`${stripVTControlCharacters(text)}\n`);
  process.stderr.write(`\ndev      ${error.message}\n`);
  process.exit(1);
}
