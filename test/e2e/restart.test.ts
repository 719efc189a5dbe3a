import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ApiClient, type Conversion, newPhone, type Usage } from "../../scripts/api-client.ts";
import { sample, startTestStack, type TestStack } from "./support/stack.ts";

const JOBS = 10;
/** What the contract promises after a crash and restart. */
const RESUME_MS = 60_000;

describe("a crash while conversions are queued and processing", () => {
  let stack: TestStack;
  let client: ApiClient;
  let ids: string[];

  async function states(): Promise<string[]> {
    const { items } = await client.call<{ items: Conversion[] }>("GET", "/api/conversions?limit=100");
    return items.map(({ status }) => status);
  }

  async function createJobs(): Promise<string[]> {
    const person = await client.upload(sample("person-astronaut.png"), "person");
    const garment = await client.upload(sample("garment-tshirt.png"), "garment");
    const requests = Array.from({ length: JOBS }, (_, index) =>
      index % 2 === 0
        ? { kind: "tryon", personImageId: person.id, garmentImageId: garment.id }
        : { kind: "style", personImageId: person.id, stylePreset: "oil" },
    );
    const created = await Promise.all(requests.map((request) => client.convert(request)));
    return created.map(({ id }) => id);
  }

  async function untilOneRuns(): Promise<string[]> {
    for (;;) {
      const now = await states();
      if (!now.every((status) => status === "queued")) return now;
    }
  }

  beforeAll(async () => {
    stack = await startTestStack({
      MAX_CONCURRENT_CONVERSIONS: String(JOBS),
      FREE_MONTHLY_CONVERSIONS: String(JOBS),
    });
    client = new ApiClient(stack.url);
    await client.signUp(newPhone());
    ids = await createJobs();
  });
  afterAll(() => stack?.close());

  it("loses none: after a restart all succeed within 60 s, and exactly the successes are charged", async () => {
    const before = await untilOneRuns();
    await stack.crash();
    expect(before.filter((status) => status === "queued").length, before.join()).toBeGreaterThan(0);

    await stack.restart();
    const resumedAt = Date.now();
    client = client.at(stack.url);
    const ended = await Promise.all(ids.map((id) => client.waitFor(id, RESUME_MS)));
    expect(Date.now() - resumedAt).toBeLessThan(RESUME_MS);
    expect(ended.map(({ status }) => status)).toEqual(ids.map(() => "succeeded"));

    const { conversions } = await client.call<Usage>("GET", "/api/users/me/usage");
    expect(conversions).toMatchObject({ used: JOBS, reserved: 0 });
  });
});
