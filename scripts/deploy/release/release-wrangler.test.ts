/** Releases with wrangler itself, which builds the four Workers as they are in this checkout. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { WORKERS } from "../workers.ts";
import { wrangler } from "../wrangler.ts";
import { type Surroundings, scriptOf, sharesOfNewest, soleVersions, startSurroundings } from "./fake-surroundings.ts";
import { release } from "./release.ts";

let here: Surroundings;
beforeAll(async () => {
  here = await startSurroundings();
});
afterAll(() => here.stop());

/** Building four Workers takes seconds, on a busy machine many. */
const TIMEOUT_MS = 300_000;
const { CLOUDFLARE_ACCOUNT_ID: _, ...env } = process.env;

it("the api can't be deployed before those that it binds", { timeout: TIMEOUT_MS }, async () => {
  const { access } = here.options;
  if (access === null) throw new Error("no account");
  await expect(wrangler(access, ["deploy", "--config", "wrangler.toml"])).rejects.toThrow(
    /'ai-styler-consumer' does not exist/,
  );
  expect(here.account.scripts.size).toBe(0);
});

it("a first release makes the four Workers, with secrets, migrations, crons and consumers", {
  timeout: TIMEOUT_MS,
}, async () => {
  const options = { ...here.options, env: { ...env, ...here.options.env, PASSWORD_PEPPER: "pepper" } };
  await release(options, { ...here.tools, wrangler });
  expect([...here.account.scripts.keys()]).toEqual(WORKERS.map(({ name }) => name));
  expect([...scriptOf(here.account, "ai-styler-api").secrets.keys()]).toEqual(["JWT_SECRET"]);
  expect([...scriptOf(here.account, "ai-styler-hasher").secrets.keys()]).toEqual(["PASSWORD_PEPPER"]);
  expect(here.account.databases.get("ai-styler")?.migrations.length).toBeGreaterThan(0);
  expect(scriptOf(here.account, "ai-styler-consumer").schedules).toEqual(["* * * * *"]);
  const consumers = [...here.account.queues.values()].map(({ name, consumer }) => [name, consumer?.script]);
  expect(Object.fromEntries(consumers)).toEqual({
    "ai-styler-conversions": "ai-styler-consumer",
    "ai-styler-conversions-dead": "ai-styler-consumer",
    "ai-styler-sms": "ai-styler-api",
    "ai-styler-alerts": "ai-styler-tail",
  });
});

it("the next one moves the traffic of all four by steps, and calls for nothing that isn't known", {
  timeout: TIMEOUT_MS,
}, async () => {
  const old = soleVersions(here.account);
  here.analytics.traffic = () => ({ requests: 300 });
  scriptOf(here.account, "ai-styler-api").observability = "what somebody changed";
  await release(here.options, { ...here.tools, wrangler });
  for (const { name } of WORKERS) expect(sharesOfNewest(here.account, name)).toEqual([0, 0, 10, 50, 100]);
  for (const [index, version] of soleVersions(here.account).entries()) expect(version).not.toBe(old[index]);
  const { secrets, observability, versions } = scriptOf(here.account, "ai-styler-api");
  expect([...secrets.keys()]).toEqual(["JWT_SECRET"]);
  expect(observability).toMatchObject({ enabled: true });
  expect(versions.at(-1)?.annotations["workers/tag"]).toBe("c0ffeec0ffee");
  expect(here.cloudflare.unknown).toEqual([]);
});
