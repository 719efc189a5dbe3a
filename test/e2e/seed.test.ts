import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ApiClient, type Conversion, type SignedUp, type Usage } from "../../scripts/api-client.ts";
import { checkDownloads, listConversions } from "../../scripts/drill/checks.ts";
import type { DrillUser } from "../../scripts/drill/load.ts";
import { type Query, readD1 } from "../../scripts/drill/state.ts";
import { DEMO_PASSWORD, DEMO_PHONE } from "../../scripts/seed/demo.ts";
import { checkInvariants } from "../../scripts/seed/invariants.ts";
import { freePort, type Stack, startStack } from "../../scripts/stack.ts";
import { newSecret, ROOT } from "../../scripts/stack-env.ts";
import { watch, watchText } from "./support/watched.ts";

const SEED = join(ROOT, "scripts/seed/seed.ts");
const CONVERSIONS = 400;
const UNTIL = new Date().toISOString();

interface Expected {
  readonly ids: readonly string[];
  readonly broken: readonly string[];
  readonly usedThisMonth: number;
}

/** What the database says of the demo user, before anything runs on it. */
function expectedOf(query: Query): Expected {
  const [user] = query<{ id: string }>("SELECT id FROM users WHERE phone = ?", DEMO_PHONE);
  const own = query<{ id: string }>(
    "SELECT id FROM conversions WHERE user_id = ? AND deleted_at IS NULL ORDER BY id DESC",
    user?.id ?? "",
  );
  const [used] = query<{ n: number }>(
    "SELECT count(*) AS n FROM quota_ledger WHERE user_id = ? AND period = ? AND state = 'committed'",
    user?.id ?? "",
    UNTIL.slice(0, 7),
  );
  const checks = checkInvariants(query, Date.parse(UNTIL));
  const broken = checks.filter(({ problems }) => problems.length > 0).map(({ name }) => name);
  return { ids: own.map(({ id }) => id), broken, usedThisMonth: used?.n ?? -1 };
}

describe("a stack on a seeded state", () => {
  let stateDir: string;
  let stack: Stack;
  let told: string;
  let expected: Expected;
  let client: ApiClient;
  let user: DrillUser;

  const seed = (...args: string[]) =>
    promisify(execFile)(process.execPath, [SEED, ...args], { cwd: ROOT, env: { ...process.env, STATE_DIR: stateDir } });

  beforeAll(async () => {
    stateDir = await mkdtemp(join(tmpdir(), "ai-styler-e2e-"));
    told = (await seed("--conversions", String(CONVERSIONS), "--seed", "3", "--until", UNTIL)).stdout;
    expected = await readD1(stateDir, expectedOf);
    const env = { ENVIRONMENT: "development", JWT_SECRET: newSecret() };
    watch.addSecret(env.JWT_SECRET);
    stack = await startStack({ port: await freePort(), stateDir, env });
    watchText(() => stack.logs.map(({ text }) => text));
    await stack.ready(90_000);
    const credentials = { phone: DEMO_PHONE, password: DEMO_PASSWORD };
    const signedIn = await new ApiClient(stack.url).call<SignedUp>("POST", "/api/auth/login", { json: credentials });
    client = new ApiClient(stack.url, signedIn.accessToken);
    user = { id: signedIn.user.id, token: signedIn.accessToken, images: { person: "", garment: "", style: "" } };
  });
  afterAll(async () => {
    await stack?.stop();
    await rm(stateDir, { recursive: true, force: true, maxRetries: 5 });
  });

  it("was filled as asked, soundly, and told as whom one can sign in", () => {
    expect(told).toContain(`${CONVERSIONS} conversions`);
    expect(told).toContain(`sign in with phone ${DEMO_PHONE} and password ${DEMO_PASSWORD}`);
    expect(expected.broken).toEqual([]);
    expect(expected.ids.length).toBeGreaterThan(CONVERSIONS / 5);
  });

  it("serves the demo user's conversions page by page, newest first, and one by one", async () => {
    const listed: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const query = `limit=20${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`;
      const path = `/api/conversions?${query}`;
      const page: { items: Conversion[]; nextCursor: string | null } = await client.call("GET", path);
      listed.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(listed).toEqual(expected.ids);
    for (const id of [listed[0], listed.at(-1)]) {
      expect(await client.conversion(id ?? "")).toMatchObject({ id });
    }
  });

  it("downloads each result that retention has left, with its size and SHA-256", async () => {
    const all = await listConversions(stack.url, user);
    const conversions = all.filter(({ output }) => output !== null);
    const { problems } = await checkDownloads(stack.url, [{ user, conversions }]);
    expect(problems).toEqual([]);
    expect(conversions.length).toBeGreaterThan(10);
  });

  it("tells the month's usage as the ledger has it", async () => {
    const { conversions } = await client.call<Usage>("GET", "/api/users/me/usage");
    expect(conversions).toMatchObject({ used: expected.usedThisMonth, reserved: 0 });
    expect(conversions.used + conversions.remaining).toBe(conversions.limit);
  });

  it("takes new work beside the old", async () => {
    const { items } = await client.call<{ items: { id: string }[] }>("GET", "/api/images?kind=person&limit=1");
    const request = { kind: "style", personImageId: items[0]?.id, stylePreset: "oil" };
    const { id } = await client.convert(request);
    expect((await client.waitFor(id, 30_000)).status).toBe("succeeded");
  });

  it("is not seeded again while it runs", async () => {
    await expect(seed("--conversions", "20")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("is in use: stop `npm run dev`"),
    });
  });
});
