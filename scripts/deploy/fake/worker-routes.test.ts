import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FAKE_ACCOUNT, FAKE_TOKEN, type FakeCloudflare, startFakeCloudflare } from "./fake-cloudflare.ts";
import { addQueue, createFakeAccount, type FakeAccount } from "./state.ts";
import { workerRoutes } from "./worker-routes.ts";

let account: FakeAccount;
let server: FakeCloudflare;
beforeEach(async () => {
  account = createFakeAccount();
  server = await startFakeCloudflare(workerRoutes(account));
});
afterEach(() => server.stop());

interface Upload {
  readonly bindings?: readonly object[];
  readonly [field: string]: unknown;
}

/** What a call is answered: codes of errors, or the result. */
async function call(
  method: string,
  path: string,
  body: FormData | object,
): Promise<{ codes: number[]; result: unknown }> {
  const isForm = body instanceof FormData;
  const response = await fetch(`${server.baseUrl}/accounts/${FAKE_ACCOUNT}${path}`, {
    method,
    headers: { Authorization: `Bearer ${FAKE_TOKEN}`, ...(isForm ? {} : { "Content-Type": "application/json" }) },
    body: isForm ? body : JSON.stringify(body),
  });
  const { errors, result } = (await response.json()) as { errors: { code: number }[]; result: unknown };
  return { codes: errors.map(({ code }) => code), result };
}

function form({ bindings = [], ...rest }: Upload = {}): FormData {
  const metadata = { main_module: "index.js", compatibility_date: "2026-10-01", bindings, ...rest };
  const uploaded = new FormData();
  uploaded.set("metadata", JSON.stringify(metadata));
  uploaded.set("index.js", new File(["export default {}"], "index.js", { type: "application/javascript+module" }));
  return uploaded;
}

const deploy = (name: string, upload?: Upload) => call("PUT", `/workers/scripts/${name}`, form(upload));
const upload = (name: string, given?: Upload) => call("POST", `/workers/scripts/${name}/versions`, form(given));

describe("the fake account refuses", () => {
  it.each([
    ["a service", { type: "service", name: "B", service: "gone" }, 10_143],
    [
      "a Durable Object of another Worker",
      { type: "durable_object_namespace", name: "B", class_name: "C", script_name: "gone" },
      10_061,
    ],
    ["a Durable Object of its own", { type: "durable_object_namespace", name: "B", class_name: "C" }, 10_061],
    ["a queue", { type: "queue", name: "B", queue_name: "gone" }, 11_000],
    ["a bucket", { type: "r2_bucket", name: "B", bucket_name: "gone" }, 10_085],
    ["a database", { type: "d1", name: "B", id: "gone" }, 10_021],
  ])("a binding of %s that isn't there", async (_, binding, code) => {
    expect((await deploy("one", { bindings: [binding] })).codes).toEqual([code]);
    expect(account.scripts.size).toBe(0);
  });

  it("a tail consumer that isn't there", async () => {
    expect((await deploy("one", { tail_consumers: [{ service: "gone" }] })).codes).toHaveLength(1);
    await deploy("tail");
    expect((await deploy("one", { tail_consumers: [{ service: "tail" }] })).codes).toEqual([]);
  });

  it("an upload without its module", async () => {
    const body = form();
    body.delete("index.js");
    expect((await call("PUT", "/workers/scripts/one", body)).codes).toEqual([10_021]);
  });

  it("a version that brings migrations, and one of a Worker that isn't there", async () => {
    expect((await upload("one")).codes).toEqual([10_007]);
    await deploy("one");
    const migrations = { new_tag: "v1", steps: [{ new_sqlite_classes: ["C"] }] };
    expect((await upload("one", { migrations })).codes).toEqual([10_211]);
    expect((await deploy("one", { migrations })).codes).toEqual([]);
    expect(account.scripts.get("one")?.migrationTag).toBe("v1");
  });

  it("migrations that begin elsewhere than where the Worker is", async () => {
    const migrations = { old_tag: "v1", new_tag: "v2", steps: [] };
    expect((await deploy("one", { migrations })).codes).toEqual([10_079]);
  });

  it("shares that are not all of the traffic, and versions from before a migration", async () => {
    await deploy("one");
    const { id } = (await upload("one")).result as { id: string };
    const old = account.scripts.get("one")?.versions[0]?.id;
    const split = (versions: object[]) =>
      call("POST", "/workers/scripts/one/deployments", { strategy: "percentage", versions });
    expect((await split([{ version_id: id, percentage: 90 }])).codes).toEqual([10_205]);
    const both = [
      { version_id: id, percentage: 0 },
      { version_id: old, percentage: 100 },
    ];
    expect((await split(both)).codes).toEqual([]);
    await deploy("one", { migrations: { new_tag: "v1", steps: [] } });
    expect((await split(both)).codes).toEqual([10_220]);
  });

  it("a second consumer of a queue", async () => {
    await deploy("one");
    const { id } = addQueue(account, "jobs");
    const consumer = { type: "worker", script_name: "one", settings: {} };
    expect((await call("POST", `/queues/${id}/consumers`, consumer)).codes).toEqual([]);
    expect((await call("POST", `/queues/${id}/consumers`, consumer)).codes).toHaveLength(1);
  });
});

it("keeps a version's secrets only where the upload says so", async () => {
  await deploy("one", { bindings: [{ type: "secret_text", name: "KEY", text: "value" }] });
  await upload("one", { keep_bindings: ["secret_text"] });
  expect(account.scripts.get("one")?.secrets.get("KEY")).toBe("value");
  expect(JSON.stringify(account.scripts.get("one")?.versions[0]?.bindings)).not.toContain("value");
  await deploy("one");
  expect(account.scripts.get("one")?.secrets.size).toBe(0);
});
