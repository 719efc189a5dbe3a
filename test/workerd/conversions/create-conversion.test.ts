import { describe, expect, it } from "vitest";
import { conversionSchema } from "../../../src/modules/conversions/schemas.ts";
import { api, signUp } from "../support/client.ts";
import { bindings, d1 } from "../support/database.ts";
import { asFile, form, uploadPerson, usageOf } from "../support/pictures.ts";

const style = (personImageId: string, more: object = {}) => ({
  kind: "style",
  personImageId,
  stylePreset: "sketch",
  ...more,
});

function times<T>(n: number, make: (i: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: n }, (_, i) => make(i)));
}

describe("creating a conversion", () => {
  it("accepts it with 202, Location and Retry-After, and reserves one unit", async () => {
    const { token } = await signUp();
    const photo = await uploadPerson(token);
    const response = await api("/api/conversions", {
      method: "POST",
      token,
      json: style(photo.id, { title: "Mine", metadata: { a: "b" } }),
    });
    expect(response.status).toBe(202);
    const body = conversionSchema.parse(await response.json());
    expect(response.headers.get("location")).toBe(`/api/conversions/${body.id}`);
    expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(body).toMatchObject({
      kind: "style",
      status: "queued",
      title: "Mine",
      metadata: { a: "b" },
      usage: { units: 1, state: "reserved" },
      output: null,
      error: null,
      version: 1,
    });
    expect(body.urls).not.toHaveProperty("events");
  });

  it("answers 201 with a picture that can be fetched when it ends within Prefer: wait", async () => {
    const { token } = await signUp();
    const photo = await uploadPerson(token);
    const response = await api("/api/conversions", {
      method: "POST",
      token,
      json: style(photo.id, { seed: 7, outputFormat: "png" }),
      headers: { Prefer: "wait=25" },
    });
    expect(response.status).toBe(201);
    const body = conversionSchema.parse(await response.json());
    expect(body).toMatchObject({
      status: "succeeded",
      progress: 100,
      stage: null,
      provider: { used: "local", degraded: false },
      usage: { state: "committed" },
      output: { mime: "image/png" },
    });
    const picture = await api(body.output?.url as string);
    expect(picture.status).toBe(200);
    const bytes = new Uint8Array(await picture.arrayBuffer());
    expect(bytes.byteLength).toBe(body.output?.bytes);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    expect(digest).toBe(body.output?.sha256);
    for (const url of [body.output?.thumbnailUrl, body.output?.thumbnail256Url]) {
      const thumbnail = await api(url as string);
      expect([thumbnail.status, thumbnail.headers.get("content-type")]).toEqual([200, "image/webp"]);
    }
    const image = await api(`/api/images/${body.output?.imageId}`, { token });
    expect(await image.json()).toMatchObject({ kind: "result" });
    const list = (await (await api("/api/images", { token })).json()) as { items: { id: string }[] };
    expect(list.items.map((item) => item.id)).toEqual([photo.id]);
    expect(await usageOf(token)).toMatchObject({ used: 1, reserved: 0, remaining: 9 });
  });

  it("makes the same picture of the same seed", async () => {
    const { token } = await signUp();
    const photo = await uploadPerson(token);
    const run = async (seed: number) => {
      const options = {
        method: "POST",
        token,
        json: style(photo.id, { seed, stylePreset: "duotone" }),
        headers: { Prefer: "wait=25" },
      };
      const body = conversionSchema.parse(await (await api("/api/conversions", options)).json());
      return body.output?.sha256;
    };
    expect(await run(1)).toBe(await run(1));
  });

  it.each([
    ["an unknown field", { nope: 1 }, "nope"],
    ["a field of the server", { status: "succeeded" }, "status"],
    ["an owner", { userId: "usr_x" }, "userId"],
    ["a webhook, which does not exist yet", { webhookUrl: "https://example.com" }, "webhookUrl"],
    ["both a preset and a style image", { styleImageId: "img_x" }, "stylePreset"],
    ["an unknown preset", { stylePreset: "nope" }, "stylePreset"],
    ["a prompt that is too long", { prompt: "x".repeat(501) }, "prompt"],
    ["a seed that is no number", { seed: "1" }, "seed"],
    ["a negative seed", { seed: -1 }, "seed"],
    ["metadata that is not strings", { metadata: { a: 1 } }, "metadata.a"],
    [
      "too much metadata",
      { metadata: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`k${i}`, "v"])) },
      "metadata",
    ],
    ["a title that is too long", { title: "x".repeat(201) }, "title"],
    ["a provider that is not set up", { provider: "gemini" }, "provider"],
    ["an unknown output format", { outputFormat: "gif" }, "outputFormat"],
  ])("refuses %s with 422 naming it", async (_what, change, path) => {
    const { token } = await signUp();
    const photo = await uploadPerson(token);
    const response = await api("/api/conversions", { method: "POST", token, json: style(photo.id, change) });
    expect(response.status).toBe(422);
    const problem = (await response.json()) as { code: string; errors: { path: string }[] };
    expect(problem.code).toBe("validation_failed");
    expect(problem.errors.map((error) => error.path)).toContain(path);
    expect(await usageOf(token)).toMatchObject({ used: 0, reserved: 0 });
  });

  it("answers another user's image exactly as a missing one", async () => {
    const [owner, stranger] = [await signUp(), await signUp()];
    const photo = await uploadPerson(owner.token);
    const problems = [];
    for (const id of [photo.id, "img_01K00000000000000000000000"]) {
      const response = await api("/api/conversions", { method: "POST", token: stranger.token, json: style(id) });
      expect(response.status).toBe(404);
      problems.push({ ...((await response.json()) as object), requestId: "" });
    }
    expect(problems[0]).toEqual(problems[1]);
  });

  it("lets twenty parallel creates on three units left through exactly three times", async () => {
    const { token } = await signUp();
    const photo = await uploadPerson(token);
    for (let i = 0; i < 7; i++) {
      const done = await api("/api/conversions", {
        method: "POST",
        token,
        json: style(photo.id),
        headers: { Prefer: "wait=25" },
      });
      expect(done.status).toBe(201);
    }
    const responses = await times(20, () => api("/api/conversions", { method: "POST", token, json: style(photo.id) }));
    const statuses = responses.map((response) => response.status);
    expect(statuses.filter((status) => status === 202)).toHaveLength(3);
    expect(statuses.filter((status) => status === 402)).toHaveLength(17);
    const usage = await usageOf(token);
    expect(usage.used + usage.reserved).toBe(10);
    expect(usage.remaining).toBe(0);
  });

  it("runs at most MAX_CONCURRENT_CONVERSIONS of a user at once", async () => {
    const { token } = await signUp();
    const photo = await uploadPerson(token);
    const responses = await times(8, () => api("/api/conversions", { method: "POST", token, json: style(photo.id) }));
    const refused = responses.filter((response) => response.status === 429);
    expect(responses.filter((response) => response.status === 202).length).toBeGreaterThanOrEqual(4);
    for (const response of refused) {
      expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
      expect(await response.json()).toMatchObject({ code: "concurrency_limit" });
    }
  });
});

describe("idempotency keys", () => {
  it("make one conversion and one unit of twenty parallel requests", async () => {
    const { token, user } = await signUp();
    const photo = await uploadPerson(token);
    const responses = await times(20, () =>
      api("/api/conversions", {
        method: "POST",
        token,
        json: style(photo.id, { seed: 1 }),
        headers: { "Idempotency-Key": "k1" },
      }),
    );
    const ids = new Set<string>();
    for (const response of responses) {
      expect(response.status).toBe(202);
      ids.add(((await response.json()) as { id: string }).id);
    }
    expect(ids.size).toBe(1);
    expect(responses.filter((response) => response.headers.get("idempotency-replayed") === "true")).toHaveLength(19);
    expect(await d1.countRows("conversions", user.id)).toBe(1);
    const usage = await usageOf(token);
    expect(usage.used + usage.reserved).toBe(1);
  });

  it("replay status and body, refuse another body, and belong to one user", async () => {
    const { token } = await signUp();
    const other = await signUp();
    const photo = await uploadPerson(token);
    const headers = { "Idempotency-Key": "k2", Prefer: "wait=25" };
    const first = await api("/api/conversions", { method: "POST", token, json: style(photo.id), headers });
    const again = await api("/api/conversions", { method: "POST", token, json: style(photo.id), headers });
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(await again.text()).toBe(await first.text());
    const different = await api("/api/conversions", {
      method: "POST",
      token,
      json: style(photo.id, { title: "x" }),
      headers,
    });
    expect(different.status).toBe(422);
    expect(await different.json()).toMatchObject({ code: "idempotency_mismatch" });
    const theirs = await uploadPerson(other.token);
    const foreign = await api("/api/conversions", {
      method: "POST",
      token: other.token,
      json: style(theirs.id),
      headers,
    });
    expect(foreign.headers.get("idempotency-replayed")).toBeNull();
  });

  it("are not consumed by a refused request", async () => {
    const { token } = await signUp();
    const photo = await uploadPerson(token);
    const headers = { "Idempotency-Key": "k3" };
    const refused = await api("/api/conversions", { method: "POST", token, json: style("img_missing"), headers });
    expect(refused.status).toBe(404);
    const accepted = await api("/api/conversions", { method: "POST", token, json: style(photo.id), headers });
    expect(accepted.status).toBe(202);
  });

  it("answer 409 while the first request is still waiting", async () => {
    const { token, user } = await signUp();
    const photo = await uploadPerson(token);
    const headers = { "Idempotency-Key": "k4" };
    await api("/api/conversions", { method: "POST", token, json: style(photo.id), headers });
    await bindings.DB.prepare("UPDATE idempotency_records SET locked_until = ? WHERE user_id = ?")
      .bind(Date.now() + 10_000, user.id)
      .run();
    const response = await api("/api/conversions", { method: "POST", token, json: style(photo.id), headers });
    expect(response.status).toBe(409);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({ code: "idempotency_in_flight" });
  });

  it("of more than 255 characters are refused", async () => {
    const { token } = await signUp();
    const response = await api("/api/conversions", {
      method: "POST",
      token,
      json: style("img_x"),
      headers: { "Idempotency-Key": "k".repeat(256) },
    });
    expect(response.status).toBe(422);
  });
});

describe("creating from the pictures themselves", () => {
  it("goes from photo and garment to a degraded try-on in one call", async () => {
    const { token } = await signUp();
    const body = form(
      { kind: "tryon", category: "tops", title: "From a form", metadata: '{"shop":"1"}' },
      {
        person: asFile("person"),
        garment: asFile("garment"),
      },
    );
    const response = await api("/api/conversions", { method: "POST", token, body, headers: { Prefer: "wait=25" } });
    expect(response.status).toBe(201);
    expect(conversionSchema.parse(await response.json())).toMatchObject({
      kind: "tryon",
      status: "succeeded",
      provider: { used: "local", degraded: true },
      input: { category: "tops" },
      metadata: { shop: "1" },
    });
    const list = (await (await api("/api/images", { token })).json()) as { items: { kind: string }[] };
    expect(list.items.map((item) => item.kind).sort()).toEqual(["garment", "person"]);
  });

  it("keeps no image and takes no unit when it is refused", async () => {
    const { token, user } = await signUp();
    const refusals = [
      form({ kind: "style", stylePreset: "nope" }, { person: asFile("person") }),
      form({ kind: "tryon" }, { person: asFile("person"), garment: new Blob(["<svg/>"]) }),
      form({ kind: "style", stylePreset: "oil", personImageId: "img_x" }, { person: asFile("person") }),
      form({ kind: "style", styleImageId: "img_missing" }, { person: asFile("person") }),
      form({ kind: "style", stylePreset: "oil", metadata: "{" }, { person: asFile("person") }),
    ];
    const statuses = [];
    for (const body of refusals) {
      statuses.push((await api("/api/conversions", { method: "POST", token, body })).status);
    }
    expect(statuses).toEqual([422, 415, 422, 404, 422]);
    expect(await d1.countRows("images", user.id)).toBe(0);
    await expect.poll(async () => (await bindings.BUCKET.list({ prefix: `images/${user.id}/` })).objects).toEqual([]);
    expect(await usageOf(token)).toMatchObject({ used: 0, reserved: 0 });
  });

  it("compares repeats by fields and file digests, whatever the boundary", async () => {
    const { token, user } = await signUp();
    const send = (fields: Record<string, string>) =>
      api("/api/conversions", {
        method: "POST",
        token,
        body: form({ kind: "style", stylePreset: "sketch", ...fields }, { person: asFile("person") }),
        headers: { "Idempotency-Key": "m1" },
      });
    const [first, again, different] = [await send({}), await send({}), await send({ title: "x" })];
    expect([first.status, again.status, different.status]).toEqual([202, 202, 422]);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(await d1.countRows("images", user.id)).toBe(1);
  });
});
