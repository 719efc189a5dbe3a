import { describe, expect, it } from "vitest";
import { ERRORS, type ErrorCode } from "../../src/kernel/error-registry.ts";
import { readDocument, readOperations } from "../fuzz/operations.ts";
import { Schemas } from "../fuzz/schemas.ts";
import { completeDocument } from "./complete.ts";
import type { OpenApiDocument } from "./types.ts";

const document = await readDocument();
const endpoints = readOperations(document);
const schemas = new Schemas(document);

describe("the OpenAPI document", () => {
  it("names on every answer the headers that every answer has", () => {
    for (const { id, operation } of endpoints) {
      for (const [status, { headers = {} }] of Object.entries(operation.responses)) {
        expect(Object.keys(headers), `${id} ${status}`).toEqual(
          expect.arrayContaining(["X-Request-Id", "traceparent", "Cache-Control"]),
        );
      }
    }
  });

  it.each([
    ["401", "WWW-Authenticate"],
    ["405", "Allow"],
    ["416", "Content-Range"],
    ["429", "Retry-After"],
    ["503", "Retry-After"],
  ])("says of every %s that it comes with %s", (status, header) => {
    const answers = endpoints.flatMap(({ operation }) => operation.responses[status] ?? []);
    expect(answers.length).toBeGreaterThan(0);
    for (const { headers } of answers) expect(headers).toHaveProperty(header);
  });

  it("lists the codes of every error, each with the status it has", () => {
    for (const { id, operation } of endpoints) {
      for (const [status, { "x-codes": codes = [] }] of Object.entries(operation.responses)) {
        if (Number(status) < 400) continue;
        expect(codes, `${id} ${status}`).not.toHaveLength(0);
        for (const code of codes) expect(ERRORS[code as ErrorCode].status, `${id} ${code}`).toBe(Number(status));
      }
    }
  });

  it("has examples of every body, and JSON ones that its own schemas accept", () => {
    for (const { id, operation } of endpoints) {
      for (const [mediaType, { schema, examples = {} }] of Object.entries(operation.requestBody?.content ?? {})) {
        expect(Object.keys(examples), `${id} ${mediaType}`).not.toHaveLength(0);
        for (const { value } of Object.values(examples)) {
          expect(schemas.problemOf(schema, value), `${id} ${JSON.stringify(value)}`).toBeNull();
        }
      }
    }
  });

  it("links only to operations it has, by parameters they take", () => {
    const links = endpoints.flatMap(({ operation }) =>
      Object.values(operation.responses).flatMap((answer) => Object.values(answer.links ?? {})),
    );
    expect(links.length).toBeGreaterThan(20);
    for (const { operationId, parameters } of links) {
      const target = endpoints.find(({ id }) => id === operationId);
      const taken = target?.parameters.map(({ name }) => name) ?? [];
      expect(taken, operationId).toEqual(expect.arrayContaining(Object.keys(parameters)));
    }
  });
});

it("a body without an example stops the document from being made", () => {
  const copy = structuredClone(document) as OpenApiDocument;
  const media = { "application/json": { schema: { type: "object" } } };
  const operation = {
    operationId: "newThing",
    "x-role": "anyone",
    security: [],
    responses: {},
    requestBody: { content: media },
  };
  const extended = { ...copy, paths: { "/api/new": { post: operation } } } as unknown as OpenApiDocument;
  expect(() => completeDocument(extended)).toThrow("newThing has no example of application/json");
});
