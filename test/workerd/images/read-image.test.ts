import { describe, expect, it } from "vitest";
import { createD1ImageRepository } from "../../../src/db/d1/repositories/images.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { imageListSchema, imageSchema } from "../../../src/modules/images/schemas.ts";
import { conversionInput, createConditions, newConversion } from "../../factories.ts";
import { QUADRANT_JPEG } from "../../support/pictures.ts";
import { api, signUp } from "../support/client.ts";
import { bindings, d1, db, insertImage } from "../support/database.ts";
import { uploadPerson } from "../support/pictures.ts";

async function uploaded() {
  const user = await signUp();
  const image = imageSchema.parse(await uploadPerson(user.token));
  return { ...user, image };
}

describe("signed urls", () => {
  it("show the picture without a token, privately and sandboxed", async () => {
    const { image } = await uploaded();
    const response = await api(image.url);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("image/jpeg");
    expect(response.headers.get("cache-control")).toMatch(/^private, max-age=\d+$/);
    expect(response.headers.get("content-security-policy")).toContain("sandbox");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("content-length")).toBe(String(image.bytes));
  });

  it("hold for one image, one variant and one expiry", async () => {
    const { image, token } = await uploaded();
    const other = await uploadPerson(token);
    const edited = [
      image.url.replace(image.id, other.id),
      image.url.replace("variant=original", "variant=thumbnail"),
      image.thumbnailUrl.replace("variant=thumbnail", "variant=thumbnail-256"),
      image.thumbnail256Url.replace("variant=thumbnail-256", "variant=thumbnail"),
      image.url.replace(/exp=(\d+)/, (_m, exp: string) => `exp=${Number(exp) + 1}`),
      image.url.replace(/sig=./, "sig=_"),
      image.url.replace(/&sig=.*/, ""),
      image.url.replace(/exp=\d+/, "exp=abc"),
    ];
    for (const url of edited) {
      const response = await api(url);
      expect(response.status, url).toBe(403);
      expect(await response.json()).toMatchObject({ code: "invalid_signature" });
    }
    expect((await api(`/api/images/${image.id}/content`)).status).toBe(401);
    expect((await api(`/api/images/${image.id}/content?variant=nope`, { token })).status).toBe(422);
  });

  it("don't outlive the image", async () => {
    const { image, token } = await uploaded();
    expect((await api(`/api/images/${image.id}`, { method: "DELETE", token })).status).toBe(204);
    expect((await api(image.url)).status).toBe(404);
  });
});

describe("content", () => {
  it("answers ranges, conditions and HEAD", async () => {
    const { image, token } = await uploaded();
    const content = (headers: Record<string, string>, method = "GET") =>
      api(`/api/images/${image.id}/content`, { token, headers, method });
    const part = await content({ Range: "bytes=10-19" });
    expect(part.status).toBe(206);
    expect(part.headers.get("content-range")).toBe(`bytes 10-19/${image.bytes}`);
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(QUADRANT_JPEG.slice(10, 20));
    const tail = await content({ Range: "bytes=-5" });
    expect(new Uint8Array(await tail.arrayBuffer())).toEqual(QUADRANT_JPEG.slice(-5));
    const rest = await content({ Range: `bytes=${image.bytes - 3}-` });
    expect((await rest.arrayBuffer()).byteLength).toBe(3);
    const beyond = await content({ Range: `bytes=${image.bytes}-` });
    expect(beyond.status).toBe(416);
    expect(beyond.headers.get("content-range")).toBe(`bytes */${image.bytes}`);
    for (const ignored of ["bytes=5-2", "lines=1-2", "bytes=0-1,3-4", "bytes=-"]) {
      expect((await content({ Range: ignored })).status, ignored).toBe(200);
    }
    const whole = await content({});
    const etag = whole.headers.get("etag") as string;
    expect((await content({ "If-None-Match": etag })).status).toBe(304);
    expect((await content({ "If-None-Match": `W/${etag}` })).status).toBe(304);
    expect((await content({ Range: "bytes=0-1", "If-Range": '"other"' })).status).toBe(200);
    expect((await content({ Range: "bytes=0-1", "If-Range": etag })).status).toBe(206);
    const head = await content({}, "HEAD");
    expect(head.status).toBe(200);
    expect(head.headers.get("content-length")).toBe(String(image.bytes));
    expect((await head.arrayBuffer()).byteLength).toBe(0);
  });
});

describe("the small thumbnail", () => {
  it("is the larger one where an image has no other, until that is gone too", async () => {
    const { image, token, user } = await uploaded();
    const { thumbnailKey } = (await createD1ImageRepository(db).findAny(image.id)) ?? { thumbnailKey: "" };
    await bindings.BUCKET.put(thumbnailKey, new Uint8Array(1_000).fill(7));
    const own = await api(image.thumbnail256Url);
    expect(own.headers.get("content-length")).not.toBe("1000");
    await bindings.BUCKET.delete(`images/${user.id}/${image.id}/thumbnail-256`);
    const larger = await api(image.thumbnail256Url);
    expect([larger.status, larger.headers.get("content-type")]).toEqual([200, "image/webp"]);
    expect(new Uint8Array(await larger.arrayBuffer())).toEqual(new Uint8Array(1_000).fill(7));
    const part = await api(image.thumbnail256Url, { headers: { Range: "bytes=990-" } });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 990-999/1000"]);
    const asOwner = await api(`/api/images/${image.id}/content?variant=thumbnail-256`, { token });
    expect(asOwner.headers.get("content-length")).toBe("1000");
    await bindings.BUCKET.delete(thumbnailKey);
    expect((await api(image.thumbnail256Url)).status).toBe(404);
  });

  it("has a validator of its own", async () => {
    const { image } = await uploaded();
    const etags = [];
    for (const url of [image.url, image.thumbnailUrl, image.thumbnail256Url]) {
      const etag = (await api(url)).headers.get("etag") as string;
      expect((await api(url, { headers: { "If-None-Match": etag } })).status).toBe(304);
      etags.push(etag);
    }
    expect(new Set(etags).size).toBe(3);
  });
});

describe("lists", () => {
  it("page newest first by kind, stable under inserts and deletes, with cursors bound to their filters", async () => {
    const { token, user } = await signUp();
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push(((await uploadPerson(token)) as { id: string }).id);
    const order = [...ids].sort().reverse();
    const first = imageListSchema.parse(await (await api("/api/images?limit=2", { token })).json());
    expect(first.items.map((item) => item.id)).toEqual(order.slice(0, 2));
    await insertImage(user.id);
    await api(`/api/images/${order[1]}`, { method: "DELETE", token });
    const cursor = encodeURIComponent(first.nextCursor as string);
    const rest = imageListSchema.parse(await (await api(`/api/images?limit=100&cursor=${cursor}`, { token })).json());
    expect(rest.items.map((item) => item.id)).toEqual(order.slice(2));
    expect((await api(`/api/images?kind=person&cursor=${cursor}`, { token })).status).toBe(400);
    const stranger = await signUp();
    expect((await api(`/api/images?cursor=${cursor}`, { token: stranger.token })).status).toBe(400);
    expect(imageListSchema.parse(await (await api("/api/images?kind=garment", { token })).json()).items).toEqual([]);
    expect((await api("/api/images?limit=0", { token })).status).toBe(422);
  });
});

describe("ownership", () => {
  it("answers another user's image on every verb exactly as a missing one", async () => {
    const { image } = await uploaded();
    const stranger = await signUp();
    for (const [method, suffix] of [
      ["GET", ""],
      ["DELETE", ""],
      ["GET", "/content"],
    ] as const) {
      const answers = [];
      for (const id of [image.id, newId("img", Date.now()), "..%2f..%2fetc", "%00"]) {
        const response = await api(`/api/images/${id}${suffix}`, { method, token: stranger.token });
        answers.push({ status: response.status, ...((await response.json()) as object), requestId: "" });
      }
      for (const answer of answers) expect(answer, `${method} ${suffix}`).toEqual(answers[0]);
      expect(answers[0]).toMatchObject({ status: 404, code: "image_not_found" });
    }
    expect((await api(image.url)).status).toBe(200);
  });
});

describe("deleting", () => {
  it("removes row and objects once", async () => {
    const { image, token, user } = await uploaded();
    const deletes = await Promise.all([1, 2, 3].map(() => api(`/api/images/${image.id}`, { method: "DELETE", token })));
    expect(deletes.map((response) => response.status).sort()).toEqual([204, 404, 404]);
    await expect.poll(async () => (await bindings.BUCKET.list({ prefix: `images/${user.id}/` })).objects).toEqual([]);
  });

  it("is refused while an active conversion needs the image, and then allowed again", async () => {
    const { user, token } = await signUp();
    const imageId = await insertImage(user.id);
    const change = { stylePreset: null, styleImageId: imageId };
    const conversion = newConversion(user.id, conversionInput(await insertImage(user.id), change));
    await d1.conversions.create(conversion, createConditions(conversion.createdAt));
    const refused = await api(`/api/images/${imageId}`, { method: "DELETE", token });
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({ code: "image_in_use" });
    await d1.conversions.cancel(user.id, conversion.id, Date.now());
    expect((await api(`/api/images/${imageId}`, { method: "DELETE", token })).status).toBe(204);
  });
});
