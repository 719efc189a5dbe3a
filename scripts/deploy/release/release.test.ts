import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeRefusal } from "../fake/fake-cloudflare.ts";
import { activeDeployment } from "../fake/state.ts";
import { WORKERS } from "../workers.ts";
import {
  isNew,
  released,
  type Surroundings,
  scriptOf,
  sharesOfNewest,
  soleVersions,
  startSurroundings,
} from "./fake-surroundings.ts";
import { release } from "./release.ts";

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

describe("a release", () => {
  it("deploys Workers that aren't there at once, in their order, and asks the api", async () => {
    await release(here.options, here.tools);
    expect([...here.account.scripts.keys()]).toEqual(NAMES);
    for (const name of NAMES) expect(sharesOfNewest(here.account, name)).toEqual([100]);
    const [version] = scriptOf(here.account, API).versions;
    const paths = ["/api/health", "/api/status", "/api/users/me", "/api/docs/openapi.json"];
    expect(here.production.asked).toEqual(paths.map((path) => `${path} !${version?.id}`));
    expect(said()).toContain("deploy ai-styler-tail to all traffic at once: its first deployment");
  });

  it("waits longer for an api that is new, for its address may be, too", async () => {
    let asked = 0;
    here.production.breaks = () => ++asked <= 100;
    await release(here.options, here.tools);
    asked = 0;
    await expect(release(here.options, here.tools)).rejects.toThrow(/does not answer as it should/);
    expect(asked).toBe(15);
  });

  it("gives a good version 0, 10, 50 and 100 % of every Worker's traffic", async () => {
    const old = await released(here);
    here.analytics.traffic = () => ({ requests: 300 });
    await release(here.options, here.tools);
    for (const name of NAMES) expect(sharesOfNewest(here.account, name)).toEqual([0, 0, 10, 50, 100]);
    for (const [index, version] of soleVersions(here.account).entries()) expect(version).not.toBe(old[index]);
    expect(said()).toMatch(/time-travel restore ai-styler --bookmark=\S+-fake/);
  });

  it("asks the new version for itself before it has any traffic, and moves Workers in their order", async () => {
    await released(here);
    here.analytics.traffic = () => ({ requests: 300 });
    const shares: (number | undefined)[] = [];
    here.production.breaks = ({ id }) => {
      const versions = activeDeployment(scriptOf(here.account, API))?.versions;
      shares.push(versions?.find(({ version_id }) => version_id === id)?.percentage);
      return false;
    };
    await release(here.options, here.tools);
    expect(shares[0]).toBe(0);
    const calls = here.cloudflare.calls.filter((call) => /^POST .*\/deployments$/.test(call));
    expect(calls.slice(0, 4)).toEqual(NAMES.map((name) => `POST /workers/scripts/${name}/deployments`));
  });

  it("goes on with too little traffic when nothing of it failed, and says so", async () => {
    await released(here);
    here.analytics.traffic = () => ({ requests: 3 });
    await release(here.options, here.tools);
    expect(sharesOfNewest(here.account, API)).toEqual([0, 0, 10, 50, 100]);
    expect(said()).toContain("too little traffic to tell: watching longer");
    expect(said()).toContain("nothing of it failed: going on");
  });

  it("deploys a Worker with new Durable Objects at once, and the others by and by", async () => {
    await released(here);
    here.analytics.traffic = () => ({ requests: 300 });
    scriptOf(here.account, "ai-styler-tail").migrationTag = "v0";
    await release(here.options, here.tools);
    expect(said()).toContain("deploy ai-styler-tail to all traffic at once: Durable Object migrations, v0 to v1");
    expect(sharesOfNewest(here.account, "ai-styler-tail")).toEqual([0, 100]);
    expect(sharesOfNewest(here.account, API)).toEqual([0, 0, 10, 50, 100]);
  });

  it("leaves everything as it is when a first deployment can't be built", async () => {
    const { wrangler } = here.tools;
    const broken: typeof wrangler = (access, args) =>
      args[0] === "deploy" ? Promise.reject(new Error("Build failed")) : wrangler(access, args);
    await expect(release(here.options, { ...here.tools, wrangler: broken })).rejects.toThrow(
      /No traffic was moved.\nBuild failed/,
    );
    expect(here.account.scripts.size).toBe(0);
  });

  it("goes on where a first one ended: what is there by steps, what isn't at once", async () => {
    const { wrangler } = here.tools;
    const broken: typeof wrangler = (access, args) =>
      args.includes("wrangler.toml") && args[0] === "deploy"
        ? Promise.reject(new Error("Build failed"))
        : wrangler(access, args);
    await expect(release(here.options, { ...here.tools, wrangler: broken })).rejects.toThrow(
      /ai-styler-consumer stays on \S+ \(its first deployment\): there is no version before it/,
    );
    await release(here.options, here.tools);
    expect(sharesOfNewest(here.account, API)).toEqual([100]);
    expect(sharesOfNewest(here.account, "ai-styler-tail")).toEqual([0, 0, 10, 50, 100]);
  });

  it("tells the commit in production to the check of the checkout", async () => {
    const deployed: (string | null)[] = [];
    const checkout = async (commit: string | null) => {
      deployed.push(commit);
      return here.tools.checkout(commit);
    };
    await release(here.options, { ...here.tools, checkout });
    await release(here.options, { ...here.tools, checkout });
    expect(deployed).toEqual([null, "c0ffeec0ffee"]);
  });

  it("can be followed by the next, though the account sees that its traffic was moved without wrangler", async () => {
    await released(here);
    here.analytics.traffic = () => ({ requests: 300 });
    await release(here.options, here.tools);
    scriptOf(here.account, API).lastDeployedFrom = "api";
    await release(here.options, here.tools);
    expect(sharesOfNewest(here.account, API).slice(-4)).toEqual([0, 10, 50, 100]);
  });

  it("watches since Cloudflare moved the traffic, however wrong this machine's clock is", async () => {
    here.account.now = () => new Date(Date.now() - 3_600_000);
    await released(here);
    here.analytics.traffic = () => ({ requests: 300 });
    await release(here.options, here.tools);
    expect(sharesOfNewest(here.account, API)).toEqual([0, 0, 10, 50, 100]);
    expect(said()).not.toContain("the analytics failed");
  });

  it("tries a call again that failed in passing", async () => {
    await released(here);
    here.analytics.traffic = () => ({ requests: 300 });
    here.cloudflare.failNext("POST", /api\/deployments$/, new FakeRefusal(500, 10_013, "internal error"));
    await release(here.options, here.tools);
    expect(sharesOfNewest(here.account, API)).toEqual([0, 0, 10, 50, 100]);
  });
});

describe("a bad release is taken back", () => {
  let old: readonly (string | null)[];
  beforeEach(async () => {
    old = await released(here);
    here.analytics.traffic = () => ({ requests: 300 });
  });

  async function fails(reason: RegExp): Promise<void> {
    await expect(release(here.options, here.tools)).rejects.toThrow(reason);
    expect(soleVersions(here.account)).toEqual(old);
  }
  /** The greatest share that the new version of the api had. */
  const reached = () => Math.max(...sharesOfNewest(here.account, API));

  it("at 10 % when the api's new version fails more often", async () => {
    here.analytics.traffic = (_, { id }) => ({ requests: 300, errors: isNew(id, old) ? 20 : 1 });
    await fails(/api answers of 5xx: 20 of 300 \(6\.67 %\), before it 1 of 300/);
    expect(reached()).toBe(10);
  });

  it("all four Workers, the api first", async () => {
    here.analytics.traffic = (_, { id }) => ({ requests: 300, errors: isNew(id, old) ? 20 : 1 });
    await fails(/worse/);
    const calls = here.cloudflare.calls.filter((call) => /^POST .*\/deployments$/.test(call));
    expect(calls.slice(-4)).toEqual(NAMES.toReversed().map((name) => `POST /workers/scripts/${name}/deployments`));
  });

  it("at 50 % when it fails only there", async () => {
    here.analytics.traffic = (_, { id }, share) => ({
      requests: 300,
      errors: isNew(id, old) && share === 50 ? 20 : 0,
    });
    await fails(/worse/);
    expect(reached()).toBe(50);
  });

  it("when the api's new version is slower", async () => {
    here.analytics.traffic = (_, { id }) => ({ requests: 300, durationMs: isNew(id, old) ? 400 : 100 });
    await fails(/p95 of the api: 400 ms, before it 100 ms; slower than 200 ms were 300 of 300/);
    expect(reached()).toBe(10);
  });

  it("when invocations of another Worker are killed", async () => {
    here.analytics.traffic = (script, { id }) => ({
      requests: 300,
      killed: isNew(id, old) && script === "ai-styler-consumer" ? 30 : 0,
    });
    await fails(/failed invocations of ai-styler-consumer: 30 of 330/);
  });

  it("when there is too little traffic to tell, and some of it failed", async () => {
    here.analytics.traffic = (_, { id }) => ({ requests: 5, errors: isNew(id, old) ? 1 : 0 });
    await fails(/too little traffic to tell, and some of it failed/);
  });

  it("with no traffic at all when the new version does not answer as it should", async () => {
    here.production.breaks = ({ id }, path) => isNew(id, old) && path === "/api/docs/openapi.json";
    await fails(/GET \/api\/docs\/openapi\.json: 500/);
    expect(reached()).toBe(0);
  });

  it("when the probe of the new version fails again and again", async () => {
    here.production.breaks = ({ id }, path) => {
      const versions = activeDeployment(scriptOf(here.account, API))?.versions ?? [];
      return isNew(id, old) && path === "/api/status" && versions.some(({ percentage }) => percentage === 10);
    };
    await fails(/the probe of the new version failed 3 times in a row: GET \/api\/status: 500, down/);
  });

  it("when the analytics can't be asked: what nobody sees gets no traffic", async () => {
    for (let i = 0; i < 3; i++) {
      here.cloudflare.failNext("POST", /^\/graphql$/, new FakeRefusal(503, 10_000, "analytics are down"));
    }
    await fails(/the analytics failed 3 times in a row: POST \/graphql: 503/);
    expect(reached()).toBe(10);
  });

  it("and survives analytics that fail once", async () => {
    here.cloudflare.failNext("POST", /^\/graphql$/, new FakeRefusal(503, 10_000, "analytics are down"));
    await release(here.options, here.tools);
    expect(reached()).toBe(100);
  });

  it("but not over what somebody else deployed meanwhile, such as a secret", async () => {
    const { wrangler } = here.tools;
    const { deployments } = scriptOf(here.account, API);
    const meddled: typeof wrangler = async (access, args) => {
      const result = await wrangler(access, args);
      const isLast = args[0] === "versions" && args.includes("wrangler.toml");
      const [first] = deployments;
      if (isLast && first !== undefined) {
        const versions = [{ version_id: "with-the-secret", percentage: 100 }];
        deployments.push({ ...first, annotations: {}, versions, createdAt: new Date().toISOString() });
      }
      return result;
    };
    await expect(release(here.options, { ...here.tools, wrangler: meddled })).rejects.toThrow(
      /somebody deployed another version of ai-styler-api while this release was under way/,
    );
    expect(soleVersions(here.account)).toEqual([...old.slice(0, 3), "with-the-secret"]);
  });

  it("when a step fails, and tells what to do for a Worker that can't be taken back", async () => {
    here.analytics.traffic = (_, { id }) => ({ requests: 300, errors: isNew(id, old) ? 20 : 1 });
    const { say } = here.options;
    const options = {
      ...here.options,
      say(line: string) {
        say(line);
        if (!line.startsWith("FAILED")) return;
        here.cloudflare.failNext("POST", /hasher\/deployments$/, new FakeRefusal(403, 10_000, "not allowed"));
      },
    };
    await expect(release(options, here.tools)).rejects.toThrow(
      /NOT taken back as a whole[\s\S]*npx wrangler rollback \S+ --name ai-styler-hasher/,
    );
    const back = soleVersions(here.account);
    expect([back[0], back[2], back[3]]).toEqual([old[0], old[2], old[3]]);
  });

  it("but for a Worker with new Durable Objects, and says why", async () => {
    scriptOf(here.account, "ai-styler-tail").migrationTag = "v0";
    here.analytics.traffic = (_, { id }) => ({ requests: 300, errors: isNew(id, old) ? 20 : 1 });
    await expect(release(here.options, here.tools)).rejects.toThrow(
      /ai-styler-tail stays on \S+ \(Durable Object migrations, v0 to v1\): Cloudflare has no way back/,
    );
    expect(soleVersions(here.account).slice(1)).toEqual(old.slice(1));
  });

  it("and tells of it on the page of the workflow's run", async () => {
    const folder = await mkdtemp(join(tmpdir(), "ai-styler-release-"));
    const GITHUB_STEP_SUMMARY = join(folder, "summary.md");
    here.production.breaks = ({ id }) => isNew(id, old);
    const options = { ...here.options, env: { ...here.options.env, GITHUB_STEP_SUMMARY } };
    await expect(release(options, here.tools)).rejects.toThrow();
    const summary = await readFile(GITHUB_STEP_SUMMARY, "utf8");
    expect(summary).toContain("It was taken back");
    expect(summary).toMatch(/wrangler d1 time-travel restore ai-styler --bookmark=/);
    await rm(folder, { recursive: true });
  });
});
