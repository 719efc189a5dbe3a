import { afterEach, beforeEach, expect, it } from "vitest";
import { CloudflareApi } from "../cloudflare-api.ts";
import {
  FAKE_ACCOUNT,
  FAKE_TOKEN,
  type FakeCloudflare,
  FakeRefusal,
  startFakeCloudflare,
} from "../fake/fake-cloudflare.ts";
import { createFakeAccount, type FakeScript, type FakeVersion, newScript } from "../fake/state.ts";
import { workerRoutes } from "../fake/worker-routes.ts";
import { setSplit } from "./account.ts";

let server: FakeCloudflare;
let script: FakeScript;
let api: CloudflareApi;
/** How many deployments are made and then reported as failed. */
let lies: number;

beforeEach(async () => {
  lies = 0;
  const account = createFakeAccount();
  script = newScript(account, "one");
  account.scripts.set("one", script);
  const versions = ["a", "b"].map((id) => ({ id, migrationTag: null }) as FakeVersion);
  script.versions.push(...versions);
  const routes = workerRoutes(account).map((route) => ({
    ...route,
    answer: async (...asked: Parameters<typeof route.answer>) => {
      const answer = await route.answer(...asked);
      if (route.method === "POST" && lies-- > 0) throw new FakeRefusal(500, 10_013, "internal error");
      return answer;
    },
  }));
  server = await startFakeCloudflare(routes);
  api = new CloudflareApi({ accountId: FAKE_ACCOUNT, token: FAKE_TOKEN, baseUrl: server.baseUrl }, { pauseMs: 1 });
});
afterEach(() => server.stop());

const split = [
  { version_id: "a", percentage: 10 },
  { version_id: "b", percentage: 90 },
];
const options = { message: "a test", pauseMs: 1 };

it("a deployment that was made, though Cloudflare said otherwise, is not made twice", async () => {
  lies = 1;
  const at = await setSplit(api, "one", split, options);
  expect(script.deployments).toHaveLength(1);
  expect(at.toISOString()).toBe(script.deployments[0]?.createdAt);
});

it("a deployment that is there is left alone, and since when is told", async () => {
  const first = await setSplit(api, "one", split, options);
  expect(await setSplit(api, "one", split.toReversed(), options)).toEqual(first);
  expect(script.deployments).toHaveLength(1);
});

it("a deployment that must not be is not tried again", async () => {
  let looks = 0;
  const check = () => {
    looks++;
    throw new Error("not over this one");
  };
  await expect(setSplit(api, "one", split, { ...options, check })).rejects.toThrow("not over this one");
  expect([looks, script.deployments.length]).toEqual([1, 0]);
});
