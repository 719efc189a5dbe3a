import { beforeAll, expect, it } from "vitest";
import { apiWith, problemOf } from "../support/app.ts";
import { api, type SignedUp, signUp } from "../support/client.ts";
import { uploadPerson } from "../support/pictures.ts";

interface Operation {
  readonly name: string;
  readonly method: string;
  readonly path: string;
}

/** Every operation of users that names something by id. */
async function operations(): Promise<Operation[]> {
  const document = (await (await api("/api/docs/openapi.json")).json()) as {
    paths: Record<string, Record<string, { "x-role"?: string }>>;
  };
  return Object.entries(document.paths)
    .filter(([path]) => /\{\w+\}/.test(path))
    .flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([, operation]) => operation["x-role"] === "user")
        .map(([method]) => ({ name: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path })),
    );
}

let owner: SignedUp;
let stranger: SignedUp;
const owned: Record<string, string> = {};

beforeAll(async () => {
  [owner, stranger] = [await signUp(), await signUp()];
  owned.images = (await uploadPerson(owner.token)).id;
  const json = { kind: "style", personImageId: owned.images, stylePreset: "oil" };
  const idle = { CONVERSION_QUEUE: { send: async () => {} } };
  const created = await apiWith(idle, "/api/conversions", { json, token: owner.token });
  owned.conversions = ((await created.json()) as { id: string }).id;
  owned.sessions = owner.sessionId;
});

function ask({ method, path }: Operation, id: string, token: string) {
  const json = method === "PUT" ? { title: "mine now" } : undefined;
  return api(path.replace(/\{\w+\}/, encodeURIComponent(id)), { method, token, json });
}

const kindOf = (path: string) => Object.keys(owned).find((kind) => path.includes(`/${kind}/`)) ?? "";

it("another's id answers exactly as one that is not there, on every operation that takes an id", async () => {
  const all = await operations();
  expect(all.length).toBeGreaterThanOrEqual(9);
  for (const operation of all) {
    const id = owned[kindOf(operation.path)];
    expect(id, `a thing for ${operation.name}`).toBeTypeOf("string");
    const foreign = await ask(operation, id ?? "", stranger.token);
    const missing = await ask(operation, `${id?.slice(0, 4)}${"0".repeat(26)}`, stranger.token);
    expect([foreign.status, missing.status], operation.name).toEqual([404, 404]);
    expect(await problemOf(foreign), operation.name).toEqual(await problemOf(missing));
  }
});

it("after all those attempts, everything is still the owner's", async () => {
  expect((await api(`/api/images/${owned.images}`, { token: owner.token })).status).toBe(200);
  const conversion = await api(`/api/conversions/${owned.conversions}`, { token: owner.token });
  expect(await conversion.json()).toMatchObject({ status: "queued", title: null });
  expect((await api("/api/users/me", { token: owner.token })).status).toBe(200);
});

it.each([
  "../me",
  "..%2fme",
  "%2e%2e%2f",
  "..\\me",
  "a\u0000b",
  "/etc/passwd",
  "img_%25",
  "'; DROP TABLE users; --",
  "__proto__",
  "constructor",
  "x".repeat(4000),
])("an id of any odd shape (%j) is simply not found", async (id) => {
  for (const operation of await operations()) {
    expect((await ask(operation, id, stranger.token)).status, operation.name).toBe(404);
  }
});
