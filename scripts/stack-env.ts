/** Where the Workers' variables come from when they run on this machine. */
import { randomBytes } from "node:crypto";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { parseEnv } from "node:util";
import { CONFIG_VARIABLES } from "../src/composition/config.ts";

export const ROOT = join(import.meta.dirname, "..");
const BIN = join(ROOT, "node_modules/.bin");

/** What the tools themselves need; the rest of the environment stays out of the Workers. */
const TOOL_VARIABLES =
  /^(PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TEMP|TMP|LANG|NODE_EXTRA_CA_CERTS|SSL_CERT_\w+|https?_proxy|no_proxy|(LC|XDG|CLOUDFLARE|WRANGLER)_\w+)$/i;

export type Variables = Readonly<Record<string, string>>;

export function newSecret(): string {
  return randomBytes(48).toString("base64url");
}

/** The variables of `.dev.vars`, with a file or a JWT_SECRET made where there is none; `made` says what was done. */
export async function readDevVars(file: string): Promise<{ variables: Variables; made: string | null }> {
  const needsSecret = process.env.JWT_SECRET === undefined;
  const text = `# Variables of the Workers on this machine; not under version control.\nENVIRONMENT=development\nJWT_SECRET=${newSecret()}\n`;
  let made: string | null = null;
  try {
    await writeFile(file, text, { mode: 0o600, flag: "wx" });
    made = "made .dev.vars with a random JWT_SECRET";
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  let variables = await parseFile(file);
  if (variables.JWT_SECRET === undefined && needsSecret) {
    await appendFile(file, `\nJWT_SECRET=${newSecret()}\n`);
    made = "added a random JWT_SECRET to .dev.vars";
    variables = await parseFile(file);
  }
  return { variables, made };
}

async function parseFile(file: string): Promise<Variables> {
  return parseEnv(await readFile(file, "utf8")) as Variables;
}

/** The configuration variables that the environment sets, empty ones included: an empty value counts as unset. */
export function configFromEnvironment(environment: NodeJS.ProcessEnv): Variables {
  const set = CONFIG_VARIABLES.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(set);
}

/**
 * The environment for wrangler. `--env-file` reaches only the first of several Workers, while
 * CLOUDFLARE_INCLUDE_PROCESS_ENV hands wrangler's own environment to each: hence one made for the purpose.
 */
export function wranglerEnvironment(stateDir: string, variables: Variables): Record<string, string> {
  const tools = Object.entries(process.env).filter(([name]) => TOOL_VARIABLES.test(name)) as [string, string][];
  return {
    ...Object.fromEntries(tools),
    PATH: [BIN, process.env.PATH].filter(Boolean).join(delimiter),
    CI: "1",
    FORCE_COLOR: "0",
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_HIDE_BANNER: "true",
    WRANGLER_LOG_PATH: join(stateDir, "logs"),
    // Workers of two stacks have the same names: in one registry they would call each other.
    WRANGLER_REGISTRY_PATH: join(stateDir, "registry"),
    CLOUDFLARE_DEV_REGISTRY_PATH: join(stateDir, "registry"),
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    CLOUDFLARE_INCLUDE_PROCESS_ENV: "true",
    X_LOCAL_EXPLORER: "true",
    X_LOCAL_OBSERVABILITY: "false",
    ...variables,
  };
}
