import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { circuitListSchema, circuitSchema } from "../../../src/modules/admin/schemas.ts";
import { eventsOf, signUpAdmin } from "../admin/support.ts";
import { apiWith, issuePaths } from "../support/app.ts";
import { breakerObject, FAILURE, openByFailures, trip } from "../support/breaker-object.ts";
import type { SignedUp } from "../support/client.ts";

const LIST = "/api/admin/circuits";

let admin: SignedUp;

beforeAll(async () => {
  admin = await signUpAdmin();
});

beforeEach(() => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  return () => vi.restoreAllMocks();
});

/** An environment with models of its own, so that their circuits are new. */
function models() {
  const tail = crypto.randomUUID();
  const [style, tryon, flux] = [`g-style-${tail}`, `g-tryon-${tail}`, `@cf/maker/flux-${tail}`];
  const env = {
    PROVIDERS: "gemini,workers-ai,local",
    GEMINI_MODEL_STYLE: style,
    GEMINI_MODEL_TRYON: tryon,
    WORKERS_AI_MODEL: flux,
  };
  return { env, style: `gemini:${style}`, tryon: `gemini:${tryon}`, flux: `workers-ai:${flux}` };
}

const list = async (env: object) => {
  const response = await apiWith(env, LIST, { token: admin.token });
  expect(response.status).toBe(200);
  return circuitListSchema.parse(await response.json()).items;
};

const force = (env: object, circuit: string, json: unknown) =>
  apiWith(env, `${LIST}/${circuit}/force`, { token: admin.token, json });

describe("GET circuits", () => {
  it("lists the circuit of every model that is configured, with times as times", async () => {
    const { env, style, tryon, flux } = models();
    await openByFailures(breakerObject(tryon));
    await breakerObject(flux).call(FAILURE);
    const before = Date.now();
    const items = await list(env);
    const closed = { state: "closed", reason: null, force: "auto", retryAt: null, openedAt: null, epoch: 0 };
    expect(items).toMatchObject([
      { ...closed, circuit: style, calls: 0, failures: 0 },
      { circuit: tryon, state: "open", reason: "failures", force: "auto", calls: 0, failures: 0 },
      { ...closed, circuit: flux, calls: 1, failures: 1 },
    ]);
    const open = items[1];
    expect(Date.parse(open?.openedAt ?? "")).toBeLessThanOrEqual(before);
    const waitMs = Date.parse(open?.retryAt ?? "") - Date.parse(open?.openedAt ?? "");
    expect(waitMs).toBeGreaterThan(29_000);
    expect(waitMs).toBeLessThan(34_000);
  });

  it("is empty where the local engine is all there is, and names a model once", async () => {
    expect(await list({ PROVIDERS: "local" })).toEqual([]);
    const items = await list({ PROVIDERS: "gemini", GEMINI_MODEL: "just-one" });
    expect(items.map(({ circuit }) => circuit)).toEqual(["gemini:just-one"]);
  });

  it("is 503 when a breaker can't be asked", async () => {
    const CIRCUIT_BREAKER = { getByName: () => ({ state: () => Promise.reject(new Error("overloaded: secret")) }) };
    const response = await apiWith({ ...models().env, CIRCUIT_BREAKER }, LIST, { token: admin.token });
    expect(response.status).toBe(503);
    expect(await response.text()).not.toContain("secret");
  });
});

describe("POST force", () => {
  it.each([
    ["as it is where it has no slash", "style", (circuit: string) => circuit],
    ["encoded", "flux", encodeURIComponent],
    ["with nothing but its slashes encoded", "flux", (circuit: string) => circuit.replaceAll("/", "%2F")],
  ] as const)("takes a circuit's id %s", async (_what, which, write) => {
    const names = models();
    const circuit = names[which];
    const response = await force(names.env, write(circuit), { state: "open" });
    expect(response.status).toBe(200);
    const body = circuitSchema.parse(await response.json());
    expect(body).toMatchObject({ circuit, state: "open", reason: "forced", force: "open", retryAt: null });
    expect(await breakerObject(circuit).admit()).toMatchObject({ allowed: false, reason: "forced" });
    expect((await list(names.env)).filter(({ force: held }) => held === "open")).toHaveLength(1);
  });

  it("holds closed what would be open, and lets go", async () => {
    const { env, style } = models();
    const breaker = breakerObject(style);
    await breaker.call(trip("quota_day", 3_600_000));
    expect(await (await force(env, style, { state: "closed" })).json()).toMatchObject({ state: "closed" });
    expect((await breaker.admit()).allowed).toBe(true);
    expect(await (await force(env, style, { state: "auto" })).json()).toMatchObject({ state: "closed", force: "auto" });
    await openByFailures(breaker);
  });

  it("leaves one event each in the admin's own log, refused or not", async () => {
    const other = await signUpAdmin();
    const { env, style, flux } = models();
    const act = (circuit: string, state: string) =>
      apiWith(env, `${LIST}/${encodeURIComponent(circuit)}/force`, { token: other.token, json: { state } });
    for (const state of ["open", "open", "auto"]) expect((await act(flux, state)).status).toBe(200);
    expect((await act(`${style}x`, "open")).status).toBe(404);
    const events = (await eventsOf(other, other)).filter(({ action }) => action === "admin.force_circuit");
    expect(events.map(({ outcome, detail }) => [outcome, detail])).toEqual([
      ["failure", { code: "circuit_not_found" }],
      ["success", { circuit: flux, state: "auto" }],
      ["success", { circuit: flux, state: "open" }],
      ["success", { circuit: flux, state: "open" }],
    ]);
    expect(events[1]).toMatchObject({ actorId: other.userId, subjectId: other.userId, sessionId: other.sessionId });
  });

  it("records nothing when the breaker can't be forced", async () => {
    const other = await signUpAdmin();
    const { env, style } = models();
    const CIRCUIT_BREAKER = { getByName: () => ({ force: () => Promise.reject(new Error("overloaded")) }) };
    const path = `${LIST}/${style}/force`;
    const response = await apiWith({ ...env, CIRCUIT_BREAKER }, path, { token: other.token, json: { state: "open" } });
    expect(response.status).toBe(503);
    expect((await eventsOf(other, other)).filter(({ action }) => action === "admin.force_circuit")).toEqual([]);
  });

  it.each([
    ["of no provider", "nobody:x"],
    ["of a model that is not configured", "gemini:another"],
    ["of the local engine", "local:local"],
    ["that is encoded twice", "workers-ai%253A%2540cf"],
    ["that is no sound encoding", "%E0%A4%A"],
    ["that tries to get out", "..%2f..%2fusers"],
  ])("answers 404 for a circuit %s, and makes no object", async (_what, circuit) => {
    const asked: string[] = [];
    const CIRCUIT_BREAKER = { getByName: (name: string) => void asked.push(name) };
    const response = await force({ ...models().env, CIRCUIT_BREAKER }, circuit, { state: "open" });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: "circuit_not_found" });
    expect(asked).toEqual([]);
  });

  it.each([
    ["nothing", {}, ["state"]],
    ["another state", { state: "half_open" }, ["state"]],
    ["an unknown field", { state: "open", forMs: 5 }, ["forMs"]],
  ])("refuses %s with 422", async (_what, json, paths) => {
    const { env, style } = models();
    const response = await force(env, style, json);
    expect(response.status).toBe(422);
    expect(await issuePaths(response)).toEqual(paths);
  });
});
