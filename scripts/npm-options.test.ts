import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { refuseOptionsKeptByNpm } from "./npm-options.ts";
import { ROOT } from "./stack-env.ts";

/** npm itself starts Node, on a machine that may be busy. */
const COMMAND_MS = 60_000;

/** As people type it, with an account that nobody can be asked about. */
async function npmRun(...args: string[]): Promise<string> {
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    CLOUDFLARE_ACCOUNT_ID: "an-account",
    CLOUDFLARE_API_TOKEN: "a-token",
    CLOUDFLARE_API_BASE_URL: "http://127.0.0.1:9",
    PRODUCTION_URL: "http://127.0.0.1:9",
  };
  const running = promisify(execFile)("npm", ["run", ...args], { cwd: ROOT, env });
  return running.then(
    ({ stdout }) => stdout,
    ({ stderr }: { stderr: string }) => stderr,
  );
}

describe("an option that npm kept for itself", () => {
  it.each([
    ["deploy", "--dry-run"],
    ["deploy", "--rollback"],
    ["deploy", "--branch=feature-x"],
    ["setup:cloudflare", "--dry-run"],
    ["audit", "--remote", "verify"],
    ["admin", "--phone=09121234567", "grant"],
  ])(
    "npm run %s %s does nothing, and is told how to be written",
    { timeout: COMMAND_MS },
    async (script, option, ...rest) => {
      const [flag] = option.split("=");
      expect(await npmRun(script, ...rest, option)).toMatch(new RegExp(`write \`npm run ${script} -- .*${flag}\``));
    },
  );

  it("is none that is unset or off", () => {
    const env = { npm_config_dry_run: "", npm_config_sweep: "false", npm_config_registry: "https://registry.example" };
    expect(() => refuseOptionsKeptByNpm(env, ["dry-run", "sweep", "keep"])).not.toThrow();
  });
});
