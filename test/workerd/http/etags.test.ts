import { expect, it } from "vitest";
import { api, signUp } from "../support/client.ts";
import { asFile, form, uploadPerson } from "../support/pictures.ts";

const tagOf = (response: Response) => response.headers.get("ETag");

it("a change of the account answers the ETag that reading it gives", async () => {
  const { token } = await signUp();
  const changed = await api("/api/users/me", { method: "PATCH", token, json: { name: "Sara" } });
  expect(tagOf(changed)).toMatch(/^"[^"]+"$/);
  expect(tagOf(await api("/api/users/me", { token }))).toBe(tagOf(changed));
});

it("pages of the documentation and samples that a reader has already are not sent again", async () => {
  for (const path of ["/api/docs", "/api/docs/openapi.json", "/api/styles/samples/ink.jpg"]) {
    const etag = tagOf(await api(path)) ?? "";
    expect(etag, path).toMatch(/^"[^"]+"$/);
    const again = await api(path, { headers: { "If-None-Match": etag } });
    expect([again.status, tagOf(again), await again.text()], path).toEqual([304, etag, ""]);
    expect((await api(path, { headers: { "If-None-Match": '"another"' } })).status, path).toBe(200);
  }
});

it("an upload answers the ETag that reading the image gives", async () => {
  const { token } = await signUp();
  const body = form({ kind: "person" }, { file: asFile("person") });
  const uploaded = await api("/api/images", { method: "POST", token, body });
  const { id } = (await uploaded.json()) as { id: string };
  expect(tagOf(uploaded)).toMatch(/^"[^"]+"$/);
  expect(tagOf(await api(`/api/images/${id}`, { token }))).toBe(tagOf(uploaded));
});

it("a created conversion answers the ETag of the version in its body, replayed or not", async () => {
  const { token } = await signUp();
  const { id: personImageId } = await uploadPerson(token);
  const json = { kind: "style", personImageId, stylePreset: "ink" };
  for (const headers of [{ "Idempotency-Key": "now" }, { "Idempotency-Key": "later", Prefer: "wait=25" }]) {
    for (const replayed of [null, "true"]) {
      const created = await api("/api/conversions", { token, json, headers });
      const { version } = (await created.json()) as { version: number };
      expect(created.headers.get("Idempotency-Replayed")).toBe(replayed);
      expect(tagOf(created)).toBe(`"v${version}"`);
    }
  }
});
