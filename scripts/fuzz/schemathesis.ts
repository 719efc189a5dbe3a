/** `npm run fuzz:schemathesis`: schemathesis with its default checks and phases against a stack of its own. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpenApiDocument } from "../openapi/types.ts";
import { readOperations } from "./operations.ts";
import { openTokenDesk } from "./schemathesis-tokens.ts";
import { startService } from "./service.ts";

const VERSION = "4.32.5";
const FILES = join(import.meta.dirname, "schemathesis");
const MISSING = `schemathesis ${VERSION} is needed, a program in Python. One of:

  pip install schemathesis==${VERSION}
  uvx schemathesis@${VERSION} --version     and then SCHEMATHESIS="uvx schemathesis@${VERSION}"

SCHEMATHESIS names the program where it is not on the PATH.
`;

type Program = readonly [string, ...string[]];

function candidates(): readonly Program[] {
  const named = process.env.SCHEMATHESIS?.trim().split(/\s+/);
  if (named?.[0]) return [named as [string, ...string[]]];
  return [["schemathesis"], ["st"], ["python3", "-m", "schemathesis"]];
}

/** The first of the candidates that runs, and which version it is. */
function findProgram(): { readonly program: Program; readonly version: string } | null {
  for (const program of candidates()) {
    const [command, ...args] = program;
    const { status, stdout } = spawnSync(command, [...args, "--version"], { encoding: "utf8", timeout: 120_000 });
    const version = /\d+\.\d+\.\d+/.exec(stdout ?? "")?.[0];
    if (status === 0 && version !== undefined) return { program, version };
  }
  return null;
}

async function run([command, ...args]: Program, extra: readonly string[]): Promise<number> {
  const service = await startService();
  const folder = await mkdtemp(join(tmpdir(), "ai-styler-schemathesis-"));
  const response = await fetch(`${service.url}/api/docs/openapi.json`);
  const operations = readOperations((await response.json()) as OpenApiDocument);
  const desk = await openTokenDesk(
    service,
    operations.map(({ operation }) => operation),
  );
  const what = [...args, "--config-file", join(FILES, "schemathesis.toml"), "run", ...extra];
  try {
    const child = spawn(command, [...what, `${service.url}/api/docs/openapi.json`], {
      // Its caches and reports are nothing for the project's folder.
      cwd: folder,
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, SCHEMATHESIS_HOOKS: join(FILES, "hooks.py"), TOKEN_DESK: desk.url },
    });
    const [code] = await once(child, "exit");
    return typeof code === "number" ? code : 1;
  } finally {
    await desk.close();
    await service.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const found = findProgram();
if (found === null) {
  process.stderr.write(MISSING);
  process.exit(2);
}
if (found.version !== VERSION) {
  process.stderr.write(
    `This was made for schemathesis ${VERSION}; found ${found.version}: other checks may come out.\n`,
  );
}
process.stdout.write(
  "No operation, check or phase is left out; exceptions: scripts/fuzz/schemathesis/schemathesis.toml\n",
);
process.exit(await run(found.program, process.argv.slice(2)));
