import { eq } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { conversions } from "../../../src/db/d1/schema/index.ts";
import { resultKeys } from "../../../src/modules/conversions/conversion.ts";
import { conversionListSchema, conversionSchema } from "../../../src/modules/conversions/schemas.ts";
import { conversionInput, createConditions, newConversion } from "../../factories.ts";
import { api, signUp } from "../support/client.ts";
import { bindings, d1, db, insertImage } from "../support/database.ts";
import { uploadPerson, usageOf } from "../support/pictures.ts";

/** A conversion that no worker knows of, so that it stays queued. */
async function queuedConversion(
  userId: string,
  change: { deadlineAt?: number; createdAt?: number; personImageId?: string } = {},
) {
  const { personImageId = await insertImage(userId), ...times } = change;
  const conversion = newConversion(userId, conversionInput(personImageId), times);
  const outcome = await d1.conversions.create(conversion, createConditions(conversion.createdAt));
  expect(outcome.kind).toBe("created");
  return conversion.id;
}

async function succeeded(token: string) {
  const photo = await uploadPerson(token);
  const response = await api("/api/conversions", {
    method: "POST",
    token,
    json: { kind: "style", personImageId: photo.id, stylePreset: "noir" },
    headers: { Prefer: "wait=25" },
  });
  expect(response.status).toBe(201);
  return conversionSchema.parse(await response.json());
}

describe("reading", () => {
  it("answers a strong ETag and 304 until something changes", async () => {
    const { token, user } = await signUp();
    const id = await queuedConversion(user.id);
    const first = await api(`/api/conversions/${id}`, { token });
    expect(first.status).toBe(200);
    const etag = first.headers.get("etag") as string;
    expect(etag).toMatch(/^"[^"]+"$/);
    const same = await api(`/api/conversions/${id}`, { token, headers: { "If-None-Match": etag } });
    expect(same.status).toBe(304);
    expect(same.headers.get("etag")).toBe(etag);
    await api(`/api/conversions/${id}`, { method: "PUT", token, json: { favorite: true } });
    const changed = await api(`/api/conversions/${id}`, { token, headers: { "If-None-Match": etag } });
    expect(changed.status).toBe(200);
  });

  it("shows a conversion as expired as soon as its deadline has passed, on its own and in lists", async () => {
    const { token, user } = await signUp();
    const [one, listed] = [
      await queuedConversion(user.id, { deadlineAt: Date.now() - 1 }),
      await queuedConversion(user.id, { deadlineAt: Date.now() - 1 }),
    ];
    expect(await (await api(`/api/conversions/${one}`, { token })).json()).toMatchObject({
      status: "expired",
      stage: null,
      usage: { state: "released" },
    });
    const list = conversionListSchema.parse(await (await api("/api/conversions", { token })).json());
    expect(list.items.find((item) => item.id === listed)?.status).toBe("expired");
    expect(await usageOf(token)).toMatchObject({ used: 0, reserved: 0 });
  });

  it("lists one that is out of time by what it is now, before anybody has settled it", async () => {
    for (const [query, isListed] of [
      ["status=expired", true],
      ["status=queued", false],
      ["status=processing", false],
      ["status=succeeded", false],
      ["kind=style", true],
      ["status=expired&kind=style", true],
      ["status=queued&kind=style", false],
    ] as const) {
      const { token, user } = await signUp();
      const waiting = await queuedConversion(user.id);
      const late = await queuedConversion(user.id, { deadlineAt: Date.now() - 1 });
      const list = conversionListSchema.parse(await (await api(`/api/conversions?${query}`, { token })).json());
      const found = list.items.find(({ id }) => id === late);
      expect(found?.status, query).toBe(isListed ? "expired" : undefined);
      const shows = !query.includes("status") || query.includes("queued");
      expect(
        list.items.some(({ id }) => id === waiting),
        query,
      ).toBe(shows);
    }
  });

  it("pages with a cursor that fits its filters only, and refuses a bad limit", async () => {
    const { token, user } = await signUp();
    const ids = [];
    for (let i = 0; i < 5; i++) ids.push(await queuedConversion(user.id, { createdAt: Date.now() - 10 + i }));
    const first = conversionListSchema.parse(await (await api("/api/conversions?limit=2", { token })).json());
    expect(first.items.map((item) => item.id)).toEqual([ids[4], ids[3]]);
    const cursor = encodeURIComponent(first.nextCursor as string);
    const rest = conversionListSchema.parse(
      await (await api(`/api/conversions?limit=100&cursor=${cursor}`, { token })).json(),
    );
    expect(rest.items.map((item) => item.id)).toEqual([ids[2], ids[1], ids[0]]);
    expect(rest.nextCursor).toBeNull();
    const other = await api(`/api/conversions?limit=2&status=queued&cursor=${cursor}`, { token });
    expect(await other.json()).toMatchObject({ status: 400, code: "invalid_cursor" });
    const tampered = await api(`/api/conversions?cursor=${cursor.slice(0, -2)}AA`, { token });
    expect(tampered.status).toBe(400);
    for (const limit of ["0", "101", "x", "1.5", "", "0x10", "1e1", "%205"]) {
      expect((await api(`/api/conversions?limit=${limit}`, { token })).status, limit).toBe(422);
    }
  });

  it("answers another user's conversion on every verb exactly as a missing one", async () => {
    const [owner, stranger] = [await signUp(), await signUp()];
    const id = await queuedConversion(owner.user.id);
    const calls: [string, string, object | undefined][] = [
      ["GET", "", undefined],
      ["PUT", "", { title: "x" }],
      ["DELETE", "", undefined],
      ["POST", "/cancel", undefined],
      ["POST", "/retry", undefined],
    ];
    for (const [method, suffix, json] of calls) {
      const answers = [];
      for (const target of [id, "cnv_01K00000000000000000000000"]) {
        const response = await api(`/api/conversions/${target}${suffix}`, {
          method,
          token: stranger.token,
          ...(json ? { json } : {}),
        });
        answers.push({ status: response.status, ...((await response.json()) as object), requestId: "" });
      }
      expect(answers[0], `${method} ${suffix}`).toEqual(answers[1]);
      expect(answers[0]).toMatchObject({ status: 404, code: "conversion_not_found" });
    }
    expect(await d1.conversions.find(owner.user.id, id)).toMatchObject({ status: "queued", title: null });
  });
});

describe("changing", () => {
  it("changes what was sent and leaves the rest; null clears the title", async () => {
    const { token, user } = await signUp();
    const id = await queuedConversion(user.id);
    const put = (json: object) => api(`/api/conversions/${id}`, { method: "PUT", token, json });
    expect(await (await put({ title: "A", metadata: { k: "v" } })).json()).toMatchObject({
      title: "A",
      metadata: { k: "v" },
    });
    expect(await (await put({ favorite: true })).json()).toMatchObject({
      title: "A",
      favorite: true,
      metadata: { k: "v" },
    });
    expect(await (await put({ title: null })).json()).toMatchObject({ title: null, favorite: true });
  });

  it("refuses status and other fields of the server", async () => {
    const { token, user } = await signUp();
    const id = await queuedConversion(user.id);
    for (const json of [{ status: "succeeded" }, { status: "canceled" }, { progress: 100 }, { usage: {} }]) {
      const response = await api(`/api/conversions/${id}`, { method: "PUT", token, json });
      expect(response.status).toBe(422);
    }
    expect(await d1.conversions.find(user.id, id)).toMatchObject({ status: "queued", version: 1 });
  });

  it("answers 412 for a stale If-Match and lets one of several racing writers through", async () => {
    const { token, user } = await signUp();
    const id = await queuedConversion(user.id);
    const etag = (await api(`/api/conversions/${id}`, { token })).headers.get("etag") as string;
    const writes = await Promise.all(
      [1, 2, 3].map((i) =>
        api(`/api/conversions/${id}`, {
          method: "PUT",
          token,
          json: { title: `t${i}` },
          headers: { "If-Match": etag },
        }),
      ),
    );
    expect(writes.map((response) => response.status).sort()).toEqual([200, 412, 412]);
    const any = await api(`/api/conversions/${id}`, {
      method: "PUT",
      token,
      json: { title: "x" },
      headers: { "If-Match": "*" },
    });
    expect(any.status).toBe(200);
    const current = (await api(`/api/conversions/${id}`, { token })).headers.get("etag") as string;
    const listed = await api(`/api/conversions/${id}`, {
      method: "PUT",
      token,
      json: { title: "y" },
      headers: { "If-Match": `"zz", ${current}` },
    });
    expect(listed.status).toBe(200);
    const nonsense = await api(`/api/conversions/${id}`, {
      method: "PUT",
      token,
      json: { title: "x" },
      headers: { "If-Match": '"nope"' },
    });
    expect(nonsense.status).toBe(412);
  });
});

describe("canceling and retrying", () => {
  it("refuse fields instead of dropping them, and take an empty object", async () => {
    const { token, user } = await signUp();
    const id = await queuedConversion(user.id);
    for (const verb of ["cancel", "retry"]) {
      const response = await api(`/api/conversions/${id}/${verb}`, { method: "POST", token, json: { seed: 5 } });
      expect(response.status, verb).toBe(422);
    }
    expect((await api(`/api/conversions/${id}/cancel`, { method: "POST", token, json: {} })).status).toBe(200);
  });

  it("cancels once, releases the unit, and refuses what has ended", async () => {
    const { token, user } = await signUp();
    const id = await queuedConversion(user.id);
    const cancels = await Promise.all(
      [1, 2, 3].map(() => api(`/api/conversions/${id}/cancel`, { method: "POST", token })),
    );
    expect(cancels.map((response) => response.status).sort()).toEqual([200, 409, 409]);
    for (const response of cancels.filter((cancel) => cancel.status === 409)) {
      expect(await response.json()).toMatchObject({ code: "invalid_transition" });
    }
    expect(await usageOf(token)).toMatchObject({ used: 0, reserved: 0 });
    const done = await succeeded(token);
    expect((await api(`/api/conversions/${done.id}/cancel`, { method: "POST", token })).status).toBe(409);
  });

  it("retries only what ended without a result, as a new conversion of the same inputs", async () => {
    const { token, user } = await signUp();
    const photo = await uploadPerson(token);
    const created = await api("/api/conversions", {
      method: "POST",
      token,
      json: { kind: "style", personImageId: photo.id, stylePreset: "ink", seed: 3, title: "T" },
    });
    const { id } = (await created.json()) as { id: string };
    await d1.conversions.cancel(user.id, id, Date.now());
    const before = await d1.conversions.find(user.id, id);
    if (before?.status === "canceled") {
      const retry = await api(`/api/conversions/${id}/retry`, {
        method: "POST",
        token,
        headers: { Prefer: "wait=25", "Idempotency-Key": "r1" },
      });
      expect(retry.status).toBe(201);
      const body = conversionSchema.parse(await retry.json());
      expect(body).toMatchObject({
        retryOf: id,
        status: "succeeded",
        title: "T",
        input: { seed: 3, stylePreset: "ink" },
      });
      expect(retry.headers.get("location")).toBe(`/api/conversions/${body.id}`);
      const again = await api(`/api/conversions/${id}/retry`, {
        method: "POST",
        token,
        headers: { "Idempotency-Key": "r1" },
      });
      expect(((await again.json()) as { id: string }).id).toBe(body.id);
    }
    const done = await succeeded(token);
    const refused = await api(`/api/conversions/${done.id}/retry`, { method: "POST", token });
    expect(refused.status).toBe(409);
    const queued = await queuedConversion(user.id);
    expect((await api(`/api/conversions/${queued}/retry`, { method: "POST", token })).status).toBe(409);
  });
});

async function storedOf(conversionId: string): Promise<string[]> {
  return (await bindings.BUCKET.list({ prefix: `results/${conversionId}/` })).objects.map(({ key }) => key).sort();
}

describe("deleting", () => {
  it("removes a success with its result and objects, and refunds nothing", async () => {
    const { token } = await signUp();
    const done = await succeeded(token);
    expect(await storedOf(done.id)).toEqual(Object.values(resultKeys(done.id)).sort());
    expect((await api(`/api/conversions/${done.id}`, { method: "DELETE", token })).status).toBe(204);
    expect((await api(`/api/conversions/${done.id}`, { token })).status).toBe(404);
    expect((await api(`/api/conversions/${done.id}`, { method: "DELETE", token })).status).toBe(404);
    expect((await api(`/api/images/${done.output?.imageId}`, { token })).status).toBe(404);
    expect((await api(done.output?.url as string)).status).toBe(404);
    await expect.poll(() => storedOf(done.id)).toEqual([]);
    expect(await usageOf(token)).toMatchObject({ used: 1, reserved: 0 });
  });

  it("of the result alone leaves none of its objects, and the conversion", async () => {
    const { token } = await signUp();
    const done = await succeeded(token);
    expect((await api(`/api/images/${done.output?.imageId}`, { method: "DELETE", token })).status).toBe(204);
    await expect.poll(() => storedOf(done.id)).toEqual([]);
    expect(await (await api(`/api/conversions/${done.id}`, { token })).json()).toMatchObject({ output: null });
  });

  it("keeps a result that another active conversion still needs", async () => {
    const { token, user } = await signUp();
    const done = await succeeded(token);
    const needing = await queuedConversion(user.id, { personImageId: done.output?.imageId as string });
    expect((await api(`/api/conversions/${done.id}`, { method: "DELETE", token })).status).toBe(204);
    expect((await api(done.output?.url as string)).status).toBe(200);
    await d1.conversions.cancel(user.id, needing, Date.now());
    expect((await api(`/api/images/${done.output?.imageId}`, { method: "DELETE", token })).status).toBe(204);
  });

  it("cancels an active conversion first and releases its unit", async () => {
    const { token, user } = await signUp();
    const id = await queuedConversion(user.id);
    expect((await api(`/api/conversions/${id}`, { method: "DELETE", token })).status).toBe(204);
    const [row] = await db.select().from(conversions).where(eq(conversions.id, id));
    expect(row).toMatchObject({ status: "canceled", lease: null });
    expect(await usageOf(token)).toMatchObject({ used: 0, reserved: 0 });
  });

  it("shows no output any more once the result image has been deleted", async () => {
    const { token } = await signUp();
    const done = await succeeded(token);
    const etag = (await api(`/api/conversions/${done.id}`, { token })).headers.get("etag");
    expect((await api(`/api/images/${done.output?.imageId}`, { method: "DELETE", token })).status).toBe(204);
    const after = await api(`/api/conversions/${done.id}`, { token });
    expect(await after.json()).toMatchObject({ status: "succeeded", output: null });
    expect(after.headers.get("etag")).not.toBe(etag);
  });
});

it("lists the styles with pictures that exist", async () => {
  const response = await api("/api/styles");
  const { items, nextCursor } = (await response.json()) as {
    items: { id: string; sampleUrl: string }[];
    nextCursor: null;
  };
  expect(items.map((item) => item.id)).toEqual([
    "sketch",
    "ink",
    "oil",
    "cartoon",
    "watercolor",
    "noir",
    "vintage",
    "duotone",
    "pop-art",
  ]);
  expect(nextCursor).toBeNull();
  for (const item of items) {
    const sample = await api(item.sampleUrl);
    expect(sample.headers.get("content-type"), item.id).toBe("image/jpeg");
  }
});

it("pages the styles like every other list", async () => {
  const first = (await (await api("/api/styles?limit=4")).json()) as { items: { id: string }[]; nextCursor: string };
  expect(first.items).toHaveLength(4);
  const rest = (await (await api(`/api/styles?cursor=${encodeURIComponent(first.nextCursor)}`)).json()) as typeof first;
  expect([...first.items, ...rest.items].map((item) => item.id)).toHaveLength(9);
  expect(rest.nextCursor).toBeNull();
  expect((await api("/api/styles?limit=0")).status).toBe(422);
  expect((await api("/api/styles?cursor=nope")).status).toBe(400);
});
