/** `npm run verify`: everything CI checks, in order, with one line for each check. Words after it choose checks by name. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, join } from "node:path";
import { stripVTControlCharacters, styleText } from "node:util";

const root = join(import.meta.dirname, "..");
const bin = join(root, "node_modules/.bin");
const SHOWN_LINES = 80;
const color = process.stdout.isTTY && process.env.NO_COLOR === undefined;

interface Check {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** For long checks: show the output as it comes. */
  readonly live?: boolean;
  /** Shows the output of a successful run, too. */
  readonly tell?: boolean;
}

const script = (name: string, ...args: string[]) => ({ command: "node", args: [`scripts/${name}.ts`, ...args] });

/** The client is also for projects with TypeScript 5, which its folder has. */
const ownTypeScript = {
  command: "node",
  args: ["clients/typescript/node_modules/typescript/bin/tsc", "-p", "clients/typescript", "--noEmit"],
};

const CHECKS: readonly Check[] = [
  { name: "no wrangler.json(c)", ...script("check-no-wrangler-json") },
  { name: "format and lint", command: "biome", args: ["ci", "--colors=off"] },
  { name: "binding types", ...script("generate-types", "--check") },
  { name: "migrations", ...script("check-migrations") },
  { name: "types: Workers", command: "tsc", args: ["-p", "tsconfig.json"] },
  { name: "types: tools and e2e", command: "tsc", args: ["-p", "tsconfig.node.json"] },
  { name: "types: client", ...ownTypeScript },
  { name: "bundle sizes", ...script("check-bundles"), tell: true },
  { name: "OpenAPI and samples", ...script("write-openapi", "--check") },
  { name: "client, collection", ...script("build-client", "--check") },
  { name: "supply chain", ...script("supply-chain/check"), tell: true },
  { name: "tests", command: "vitest", args: ["run", "--coverage"], live: true },
];

async function run(check: Check): Promise<{ readonly ok: boolean; readonly output: string }> {
  const child = spawn(join(bin, check.command), check.args, {
    cwd: root,
    env: { ...process.env, PATH: [bin, process.env.PATH].join(delimiter) },
    stdio: ["ignore", check.live ? "inherit" : "pipe", check.live ? "inherit" : "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const [code] = await once(child, "close");
  return { ok: code === 0, output: stripVTControlCharacters(output).trim() };
}

function tell(ok: boolean, name: string, ms: number): void {
  const sign = ok ? "✓" : "✗";
  const painted = color ? styleText(ok ? "green" : "red", sign, { validateStream: false }) : sign;
  process.stdout.write(`${painted} ${name.padEnd(22)} ${(ms / 1000).toFixed(1).padStart(6)} s\n`);
}

function excerpt(text: string): string {
  const lines = text.split("\n");
  const shown = lines.length > SHOWN_LINES ? [...lines.slice(0, SHOWN_LINES), "…"] : lines;
  return shown.map((line) => `    ${line}\n`).join("");
}

const wanted = process.argv.slice(2);
const idle = wanted.filter((word) => !CHECKS.some(({ name }) => name.includes(word)));
if (idle.length > 0) {
  process.stderr.write(
    `No check is called ${idle.join(", ")}. There are: ${CHECKS.map(({ name }) => name).join("; ")}.\n`,
  );
  process.exit(2);
}
const failed: string[] = [];
for (const check of CHECKS.filter(({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)))) {
  const startedAt = performance.now();
  const { ok, output } = await run(check);
  tell(ok, check.name, performance.now() - startedAt);
  if (output !== "" && (!ok || check.tell)) process.stdout.write(excerpt(output));
  if (!ok) failed.push(check.name);
}
process.stdout.write(failed.length === 0 ? "\nAll checks passed.\n" : `\nFailed: ${failed.join(", ")}.\n`);
process.exit(failed.length === 0 ? 0 : 1);
