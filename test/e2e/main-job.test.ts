import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ApiClient, type Conversion, newPhone, sha256, type Usage } from "../../scripts/api-client.ts";
import { sample, startTestStack, type TestStack } from "./support/stack.ts";

const SIGNATURES: Record<string, string> = {
  "image/jpeg": "ffd8ff",
  "image/png": "89504e47",
  "image/webp": "52494646",
};

describe("the main job over real HTTP", () => {
  let stack: TestStack;
  let client: ApiClient;
  let person: { readonly id: string; readonly sha256: string };

  async function succeed(request: Readonly<Record<string, unknown>>): Promise<Conversion> {
    const created = await client.convert({ personImageId: person.id, ...request });
    expect(created.status).toBe("queued");
    const ended = await client.waitFor(created.id, 90_000);
    expect(ended, stack.logText()).toMatchObject({ status: "succeeded", error: null, progress: 100 });
    return ended;
  }

  /** The bytes behind the result's signed url, which must be what the conversion promises. */
  async function download(conversion: Conversion): Promise<Uint8Array> {
    const output = conversion.output;
    if (output === null) throw new Error("no output");
    const bytes = await client.download(output.url);
    expect(bytes.length).toBe(output.bytes);
    expect(sha256(bytes)).toBe(output.sha256);
    expect(Buffer.from(bytes).toString("hex")).toMatch(new RegExp(`^${SIGNATURES[output.mime]}`));
    expect(output.sha256).not.toBe(person.sha256);
    return bytes;
  }

  beforeAll(async () => {
    stack = await startTestStack();
    client = new ApiClient(stack.url);
    await client.signUp(newPhone());
    person = await client.upload(sample("person-astronaut.png"), "person");
  });
  afterAll(() => stack?.close());

  it("gives an upload back by its signed url, with the promised SHA-256 and size", async () => {
    const image = await client.call<{ url: string; width: number; height: number }>("GET", `/api/images/${person.id}`);
    expect(image).toMatchObject({ width: 512, height: 512 });
    expect(sha256(await client.download(image.url))).toBe(person.sha256);
  });

  it("restyles a photo by a preset and by a picture, and tries a garment on", async () => {
    const { items } = await client.call<{ items: { id: string }[] }>("GET", "/api/styles");
    const garment = await client.upload(sample("garment-tshirt.png"), "garment");
    const style = await client.upload(sample("style-hubble.jpg"), "style");
    const results = [
      await succeed({ kind: "style", stylePreset: items[0]?.id }),
      await succeed({ kind: "style", styleImageId: style.id }),
      await succeed({ kind: "tryon", garmentImageId: garment.id }),
    ];
    const hashes = new Set<string>();
    for (const result of results) hashes.add(sha256(await download(result)));
    expect(hashes.size).toBe(3);
  });

  it("charges one unit for each success and keeps none reserved", async () => {
    const { conversions } = await client.call<Usage>("GET", "/api/users/me/usage");
    expect(conversions).toMatchObject({ used: 3, reserved: 0, remaining: conversions.limit - 3 });
  });

  it("hides a user's pictures and conversions from another user", async () => {
    const stranger = new ApiClient(stack.url);
    await stranger.signUp(newPhone());
    await expect(stranger.call("GET", `/api/images/${person.id}`)).rejects.toMatchObject({ status: 404 });
    const mine = await client.call<{ items: Conversion[] }>("GET", "/api/conversions");
    expect(mine.items).toHaveLength(3);
    await expect(stranger.conversion(mine.items[0]?.id ?? "")).rejects.toMatchObject({ status: 404 });
  });
});
