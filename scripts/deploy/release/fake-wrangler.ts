/** What a release has wrangler do, done to the fake account at once: without building, a second faster each. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { ROOT } from "../../stack-env.ts";
import { type FakeAccount, type FakeScript, newScript } from "../fake/state.ts";
import { readConfig } from "../target-config.ts";
import { WORKERS } from "../workers.ts";
import { WranglerError, type wrangler } from "../wrangler.ts";

const configured = z.looseObject({ migrations: z.array(z.looseObject({ tag: z.string() })).default([]) });

function optionOf(args: readonly string[], option: string): string {
  return args[args.indexOf(option) + 1] ?? "";
}

function addVersion(account: FakeAccount, script: FakeScript, args: readonly string[]): string {
  const id = randomUUID();
  script.versions.push({
    id,
    number: script.versions.length + 1,
    createdAt: account.now().toISOString(),
    annotations: { "workers/tag": optionOf(args, "--tag"), "workers/message": optionOf(args, "--message") },
    mainModule: "index.js",
    bindings: [],
    migrationTag: script.migrationTag,
    metadata: {},
  });
  return id;
}

function deploy(account: FakeAccount, script: FakeScript, id: string, args: readonly string[]): void {
  script.deployments.push({
    id: randomUUID(),
    createdAt: account.now().toISOString(),
    annotations: { "workers/message": optionOf(args, "--message") },
    versions: [{ version_id: id, percentage: 100 }],
  });
}

async function lastTag(config: string): Promise<string | null> {
  return configured.parse(await readConfig(join(ROOT, config))).migrations.at(-1)?.tag ?? null;
}

/** Knows the commands of a release, and refuses what wrangler refuses of them. */
export function createQuickWrangler(account: FakeAccount): typeof wrangler {
  return async (_access, args) => {
    const done = (entry?: Readonly<Record<string, unknown>>) => ({ stdout: "", entries: entry ? [entry] : [] });
    const command = args.join(" ");
    if (command.startsWith("d1 migrations apply ai-styler --remote")) return done();
    const worker = WORKERS.find(({ config }) => config === optionOf(args, "--config"));
    if (worker === undefined) throw new WranglerError(`unknown: ${command}`);
    const tag = await lastTag(worker.config);
    if (args[0] === "deploy") {
      const script = account.scripts.get(worker.name) ?? newScript(account, worker.name);
      account.scripts.set(worker.name, script);
      script.migrationTag = tag;
      const version_id = addVersion(account, script, args);
      deploy(account, script, version_id, args);
      return done({ type: "deploy", version_id });
    }
    const script = account.scripts.get(worker.name);
    // Wrangler asks whether it may go on, and takes nobody's answer for a no.
    if (script?.lastDeployedFrom === "api" && args.includes("--strict")) return done();
    if (script === undefined) throw new WranglerError("This Worker does not exist on your account.");
    if (command.startsWith("versions upload") && script.migrationTag === tag) {
      script.lastDeployedFrom = "wrangler";
      return done({ type: "version-upload", version_id: addVersion(account, script, args) });
    }
    if (command.startsWith("versions deploy")) {
      deploy(account, script, (args[2] ?? "").replace(/@100%$/, ""), args);
      return done({ type: "version-deploy" });
    }
    if (command.startsWith("triggers deploy")) return done();
    throw new WranglerError(`refused: ${command}`);
  };
}
