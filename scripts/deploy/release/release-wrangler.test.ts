/**
 * Releases with wrangler itself for two of the Workers, which between them have all that it does at a release: Durable
 * Objects, secrets, bindings of each other, crons, queues. The other two are deployed at once, for building takes long;
 * they are built by wrangler in preview.test.ts.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { PRODUCTION } from "../names.ts";
import { WORKERS } from "../workers.ts";
import { wrangler } from "../wrangler.ts";
import { type Surroundings, scriptOf, sharesOfNewest, soleVersions, startSurroundings } from "./fake-surroundings.ts";
import { release } from "./release.ts";
import type { ReleaseTools } from "./run.ts";

let here: Surroundings;
let tools: ReleaseTools;
beforeAll(async () => {
  here = await startSurroundings();
  const isQuick = (args: readonly string[]) =>
    WORKERS.some(({ role, config }) => (role === "hasher" || role === "api") && args.includes(config)) &&
    args[0] !== "d1";
  const either: typeof wrangler = (access, args) =>
    isQuick(args) ? here.tools.wrangler(access, args) : wrangler(access, args);
  tools = { ...here.tools, wrangler: either };
});
afterAll(() => here.stop());

const { tail, consumer } = PRODUCTION.workers;
/** Building takes seconds, on a busy machine many. */
const TIMEOUT_MS = 300_000;
const { CLOUDFLARE_ACCOUNT_ID: _, ...env } = process.env;

it("a first release makes Workers with secrets, migrations, crons and consumers", { timeout: TIMEOUT_MS }, async () => {
  const options = { ...here.options, env: { ...env, ...here.options.env, GEMINI_API_KEY: "key" } };
  await release(options, tools);
  expect([...here.account.scripts.keys()]).toEqual(WORKERS.map(({ name }) => name));
  expect([...scriptOf(here.account, consumer).secrets.keys()]).toEqual(["GEMINI_API_KEY"]);
  expect([...scriptOf(here.account, tail).secrets.keys()]).toEqual([]);
  expect(here.account.databases.get(PRODUCTION.database)?.migrations.length).toBeGreaterThan(0);
  expect(scriptOf(here.account, consumer).schedules).toEqual(["* * * * *"]);
  const consumers = [...here.account.queues.values()].map(({ name, consumer: it }) => [name, it?.script]);
  expect(Object.fromEntries(consumers)).toMatchObject({
    [PRODUCTION.queues.conversions]: consumer,
    [PRODUCTION.queues["conversions-dead"]]: consumer,
    [PRODUCTION.queues.alerts]: tail,
  });
});

it("the next one moves all traffic by steps, keeps secrets, and brings settings and triggers up to date", {
  timeout: TIMEOUT_MS,
}, async () => {
  const old = soleVersions(here.account);
  here.analytics.traffic = () => ({ requests: 300 });
  const script = scriptOf(here.account, consumer);
  script.observability = "what somebody changed";
  script.schedules = ["0 0 * * *"];
  script.lastDeployedFrom = "api";
  await release(here.options, tools);
  for (const { name } of WORKERS) expect(sharesOfNewest(here.account, name)).toEqual([0, 0, 10, 50, 100]);
  for (const [index, version] of soleVersions(here.account).entries()) expect(version).not.toBe(old[index]);
  expect([...script.secrets.keys()]).toEqual(["GEMINI_API_KEY"]);
  expect(script.observability).toMatchObject({ enabled: true });
  expect(script.schedules).toEqual(["* * * * *"]);
  expect(script.versions.at(-1)?.annotations["workers/tag"]).toBe("c0ffeec0ffee");
  expect(here.cloudflare.unknown).toEqual([]);
});
