/** The project's database through wrangler: the local one (state in STATE_DIR or .wrangler/state), or production's. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { ROOT, wranglerEnvironment } from "./stack-env.ts";

const CLI = join(ROOT, "node_modules/wrangler/wrangler-dist/cli.js");

/** Wrangler could not run the statements. */
export class D1Error extends Error {
  override readonly name = "D1Error";
}

export interface D1 {
  /** Runs one statement that only reads, in a wrangler of its own. */
  query<Row>(sql: string): Promise<readonly Row[]>;
  /** Runs all statements of a text, or none. */
  execute(sql: string): Promise<void>;
}

export function openD1(remote: boolean): D1 {
  const stateDir = resolve(ROOT, process.env.STATE_DIR || ".wrangler/state");
  const where = remote ? ["--remote"] : ["--local", "--persist-to", stateDir];
  const config = ["--config", join(ROOT, "wrangler.toml")];

  async function run(...what: string[]): Promise<readonly unknown[]> {
    const args = ["--no-warnings", CLI, "d1", "execute", "DB", ...where, ...config, "--json", "--yes", ...what];
    const options = { cwd: ROOT, env: wranglerEnvironment(stateDir, {}), maxBuffer: 2 ** 28 };
    try {
      const { stdout } = await promisify(execFile)(process.execPath, args, options);
      const [answer] = JSON.parse(stdout) as [{ results?: readonly unknown[] }?];
      if (answer?.results !== undefined) return answer.results;
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      throw new D1Error(`wrangler could not run the statements:\n${stdout}${stderr}`.trim(), { cause: error });
    }
    throw new D1Error("wrangler answered without results");
  }

  return {
    query: async <Row>(sql: string) => (await run("--command", sql)) as readonly Row[],
    async execute(sql) {
      // What comes as a file is one transaction in both databases; what comes as a command needn't be.
      const folder = await mkdtemp(join(tmpdir(), "ai-styler-sql-"));
      try {
        const file = join(folder, "statements.sql");
        await writeFile(file, sql, { mode: 0o600 });
        await run("--file", file);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

/** A text as SQL whatever is in it: what it says may have been put there to be read by this. */
export function sqlText(value: string): string {
  return `CAST(X'${Buffer.from(value).toString("hex")}' AS TEXT)`;
}
