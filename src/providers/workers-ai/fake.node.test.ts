import { describe, expect, it } from "vitest";
import { pngOf, text } from "../../../test/support/pictures.ts";
import { codec, MODEL } from "../../../test/support/workers-ai.ts";
import { createWorkersAiFake } from "./fake.ts";

describe("the fake", () => {
  const send = (form: FormData | string, contentType?: string) => {
    const { binding } = createWorkersAiFake({ codec });
    const encoded = new Response(form);
    const type = contentType ?? encoded.headers.get("Content-Type") ?? "";
    const body = encoded.body as ReadableStream<Uint8Array>;
    return binding.run(MODEL, { multipart: { body, contentType: type } }, { signal: new AbortController().signal });
  };
  const formOf = (fields: Readonly<Record<string, string | Blob>>) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) {
      if (typeof value === "string") form.append(name, value);
      else form.append(name, value, name);
    }
    return form;
  };
  const photo = (bytes: Uint8Array) => new Blob([bytes as Uint8Array<ArrayBuffer>], { type: "image/png" });
  const fine = photo(pngOf(100, 100));

  it.each<[string, Readonly<Record<string, string | Blob>>]>([
    ["no prompt", { width: "1024" }],
    ["a width out of range", { prompt: "x", width: "2048" }],
    ["a height that is no integer", { prompt: "x", height: "1e3" }],
    ["steps", { prompt: "x", steps: "25" }],
    ["a fifth picture", { prompt: "x", input_image_4: fine }],
    ["pictures with a gap", { prompt: "x", input_image_1: fine }],
    ["a picture that is text", { prompt: "x", input_image_0: "abc" }],
    ["a picture of 512 px", { prompt: "x", input_image_0: photo(pngOf(512, 100)) }],
    ["a picture that is none", { prompt: "x", input_image_0: photo(text("not a picture")) }],
  ])("refuses %s", async (_, fields) => {
    await expect(send(formOf(fields))).rejects.toMatchObject({
      name: "AiError",
      message: expect.stringMatching(/^(5006|3030): /),
    });
  });

  it("refuses a form without its boundary, and what is no form", async () => {
    await expect(send(formOf({ prompt: "x" }), "multipart/form-data")).rejects.toThrow("3003");
    await expect(send("prompt=x", "multipart/form-data; boundary=x")).rejects.toThrow("3003");
  });

  it("takes a prompt alone", async () => {
    expect(await send(formOf({ prompt: "a sunset" }))).toEqual({ image: expect.any(String) });
  });
});
