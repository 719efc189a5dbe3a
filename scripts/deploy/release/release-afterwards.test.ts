import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WORKERS } from "../workers.ts";
import { isNew, released, type Surroundings, scriptOf, soleVersions, startSurroundings } from "./fake-surroundings.ts";
import { release, rollback } from "./release.ts";

const NAMES = WORKERS.map(({ name }) => name);
const API = "ai-styler-api";

let here: Surroundings;
beforeEach(async () => {
  here = await startSurroundings();
});
afterEach(async () => {
  await here.stop();
  expect(here.cloudflare.unknown).toEqual([]);
});

const said = () => here.said.join("\n");

describe("a release that is stopped", () => {
  it("by a signal is taken back before its process ends", { timeout: 60_000 }, async () => {
    const script = join(import.meta.dirname, "release-until-stopped.ts");
    const child = spawn(process.execPath, ["--no-warnings", script], { stdio: ["ignore", "pipe", "inherit"] });
    const events: { event: string; versions: (string | null)[] }[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      events.push(JSON.parse(line));
      if (events.at(-1)?.event === "watching") child.kill("SIGTERM");
    }
    if (child.exitCode === null) await once(child, "exit");
    const [first, watching, last, ...others] = events;
    expect(others).toEqual([]);
    expect(watching).toEqual({ event: "watching", versions: [null, null, null, null] });
    expect(last?.event).toContain("the release was stopped (SIGTERM)");
    expect(last?.versions).toEqual(first?.versions);
  });
});

describe("after a release that died", () => {
  let old: readonly (string | null)[];
  const died = new Error("the process died");

  /** Leaves the account as a process does that is killed when it says this. */
  async function dieAt(word: RegExp): Promise<void> {
    const frozen = new Map<string, number>();
    const say = (line: string) => {
      if (!word.test(line) || frozen.size > 0) return;
      for (const name of NAMES) frozen.set(name, scriptOf(here.account, name).deployments.length);
      throw died;
    };
    await expect(release({ ...here.options, say }, here.tools)).rejects.toThrow();
    for (const [name, count] of frozen) scriptOf(here.account, name).deployments.length = count;
  }

  /** Makes all deployments older, which is what waiting does. */
  function age(byMs: number): void {
    for (const name of NAMES) {
      const { deployments } = scriptOf(here.account, name);
      const older = (at: string) => new Date(new Date(at).getTime() - byMs).toISOString();
      deployments.splice(0, Infinity, ...deployments.map((it) => ({ ...it, createdAt: older(it.createdAt) })));
    }
  }

  beforeEach(async () => {
    old = await released(here);
    here.analytics.traffic = () => ({ requests: 300 });
    await dieAt(/watch 10 %/);
    expect(soleVersions(here.account)).toEqual([null, null, null, null]);
  });

  it("another is refused while that one may be alive, and told the way out", async () => {
    await expect(release(here.options, here.tools)).rejects.toThrow(/is under way.*--rollback/);
    expect(soleVersions(here.account)).toEqual([null, null, null, null]);
  });

  it("another waits as long as that one may watch, however long it would itself", async () => {
    const { env } = here.options;
    const patient = { ...here.options, env: { ...env, RELEASE_STEP_MAX: "2h" } };
    age(3_600_000);
    for (const name of NAMES) {
      const { deployments } = scriptOf(here.account, name);
      const [last] = deployments.splice(-1);
      const message = last?.annotations["workers/message"]?.replace("1 min", "60 min") ?? "";
      if (last !== undefined) deployments.push({ ...last, annotations: { "workers/message": message } });
    }
    await expect(release(here.options, here.tools)).rejects.toThrow(/is under way/);
    age(600_000);
    await release(patient, here.tools);
    expect(said()).toContain("that is taken back first");
  });

  it("another puts the split right first, and goes its way", async () => {
    age(3_600_000);
    const before = scriptOf(here.account, API).deployments.length;
    await release(here.options, here.tools);
    const [repaired, ...steps] = scriptOf(here.account, API).deployments.slice(before);
    expect(repaired?.versions).toEqual([{ version_id: old[3], percentage: 100 }]);
    expect(steps.map(({ versions }) => versions[0]?.percentage)).toEqual([0, 10, 50, 100]);
    expect(said()).toContain("left two versions in traffic: that is taken back first");
    expect(said()).toContain(`take ${API} back to ${old[3]}`);
  });

  it("another that is bad ends where everything began", async () => {
    age(3_600_000);
    here.production.breaks = ({ id }) => isNew(id, old);
    await expect(release(here.options, here.tools)).rejects.toThrow();
    expect(soleVersions(here.account)).toEqual(old);
  });

  it("a rollback takes it back at once, and is done only once", async () => {
    await rollback(here.options, here.tools);
    expect(soleVersions(here.account)).toEqual(old);
    await expect(rollback(here.options, here.tools)).rejects.toThrow(/nothing to take back/);
  });
});

describe("secrets that wait for a Worker which is there", () => {
  it("are told, by name and with the way to set them, and are not lost", async () => {
    await released(here);
    here.analytics.traffic = () => ({ requests: 300 });
    const secrets = {
      read: async () => ({ SENTRY_DSN: "https://k@o1.example/1" }),
      drop: () => Promise.reject(new Error("dropped")),
    };
    await release(here.options, { ...here.tools, secrets });
    expect(said()).toMatch(/SENTRY_DSN that wait here: npm run setup:cloudflare sets them/);
    expect(said()).not.toContain("o1.example");
  });
});

describe("a rollback", () => {
  it("takes a finished release back", async () => {
    const old = await released(here);
    here.analytics.traffic = () => ({ requests: 300 });
    await release(here.options, here.tools);
    expect(soleVersions(here.account)).not.toEqual(old);
    await rollback(here.options, here.tools);
    expect(soleVersions(here.account)).toEqual(old);
  });

  it("shows in a dry run what it would do", async () => {
    await released(here);
    here.analytics.traffic = () => ({ requests: 300 });
    await release(here.options, here.tools);
    const now = soleVersions(here.account);
    await rollback({ ...here.options, dryRun: true }, here.tools);
    expect(said()).toContain("take ai-styler-api back to");
    expect(soleVersions(here.account)).toEqual(now);
  });
});

describe("a dry run", () => {
  it("shows the whole plan without an account", async () => {
    await release({ ...here.options, access: null, dryRun: true, env: {} }, here.tools);
    expect(here.cloudflare.calls).toEqual([]);
    const order = [
      "d1 migrations apply",
      ...NAMES.map((name) => `upload a version of ${name}`),
      " 0 %",
      "10 %",
      "50 %",
    ];
    const places = [...order, "versions deploy <new>@100%", "triggers deploy"].map((text) => said().indexOf(text));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places[0]).toBeGreaterThan(0);
  });

  it("with an account shows what it would do to that one, and does nothing", async () => {
    await release({ ...here.options, dryRun: true }, here.tools);
    expect(said()).toContain("deploy ai-styler-tail to all traffic at once: its first deployment");
    expect(here.cloudflare.calls.filter((call) => !call.startsWith("GET "))).toEqual([]);
  });
});
