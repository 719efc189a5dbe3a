import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { collectionOf } from "./collection.ts";
import { bodyExample, exampleOf, type OpenApiDocument } from "./collection-examples.ts";

const text = readFileSync(join(import.meta.dirname, "../docs/openapi.json"), "utf8");
const document: OpenApiDocument = JSON.parse(text);
const [start, ...folders] = collectionOf(document).item;

describe("the collection", () => {
  it("is the same for the same document", () => {
    expect(JSON.stringify(collectionOf(JSON.parse(text)))).toBe(JSON.stringify(collectionOf(document)));
  });

  it("has every operation of the document once, in the folder of its tag", () => {
    const made = folders.flatMap(({ name, item }) =>
      item.map((one) => `${name} ${one.request.method} ${one.request.url.raw}`),
    );
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { tags }]) => {
        return `${tags[0]} ${method.toUpperCase()} {{baseUrl}}${path.replace(/\{(.+?)\}/g, ":$1")}`;
      }),
    );
    expect(made.map((one) => one.replace(/\?.*/, "")).toSorted()).toEqual(documented.toSorted());
  });

  it("uses no variable that it does not have, and fills every place of an address", () => {
    const collection = collectionOf(document);
    const known = new Set([...collection.variable.map(({ key }) => key), "$guid"]);
    const used = JSON.stringify(collection.item).matchAll(/\{\{(.+?)\}\}/g);
    expect(Array.from(used, ([, name = ""]) => name).filter((name) => !known.has(name))).toEqual([]);
    for (const { request } of collection.item.flatMap(({ item }) => item)) {
      const places = request.url.path.filter((part) => part.startsWith(":")).map((part) => part.slice(1));
      expect(request.url.variable.map(({ key }) => key)).toEqual(places);
    }
  });

  it("begins with what makes an account and a picture, with nothing to fill in by hand", () => {
    const set = start?.item.flatMap(({ event }) => event.flatMap(({ script }) => script.exec)).join("\n") ?? "";
    for (const name of ["phone", "challengeId", "code", "accessToken", "imageId", "conversionId", "resultImageId"]) {
      expect(set).toContain(`pm.collectionVariables.set("${name}"`);
    }
  });

  it("sends no token where none is asked for", () => {
    const auth = folders.flatMap(({ item }) => item).map(({ request }) => "auth" in request);
    const open = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    expect(auth.filter(Boolean)).toHaveLength(open.filter(({ security }) => security?.length === 0).length);
  });
});

describe("examples", () => {
  it("of bodies are the first documented one, with variables for what an earlier answer told", () => {
    const schema = { type: "object", properties: { phone: { type: "string" } } };
    const examples = { first: { value: { phone: "1", purpose: "login" } }, second: { value: {} } };
    expect(bodyExample(document, { schema, examples })).toEqual({ phone: "{{phone}}", purpose: "login" });
  });

  it("of schemas hold what is needed: examples, defaults, first choices and values of the type", () => {
    const properties = {
      a: { type: "string", example: "given" },
      b: { enum: ["x", "y"] },
      c: { type: ["integer", "null"], minimum: 4 },
      d: { type: "array", items: { type: "boolean" } },
      e: { type: "string" },
    };
    const schema = { oneOf: [{ type: "object", properties, required: ["a", "b", "c", "d"] }] };
    expect(exampleOf(document, schema)).toEqual({ a: "given", b: "x", c: 4, d: [true] });
  });

  it("are not made up for what the document does not have", () => {
    expect(() => exampleOf(document, { $ref: "#/components/schemas/Nothing" })).toThrow("which it has not");
  });
});
