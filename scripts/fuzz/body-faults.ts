/** One thing wrong with a body, and what a sound service answers to it. */
import fc from "fast-check";
import type { OpenApiDocument, Schema } from "../openapi/types.ts";
import { lookUp } from "./operations.ts";
import type { Body, FuzzRequest, Part } from "./request.ts";
import type { Fault } from "./subject.ts";

const INVALID = [422];
const JSON_TYPE = "application/json";
/** A body with its limit of 16 KiB. */
const TOO_LONG = "x".repeat(17 * 1024);

function change(right: FuzzRequest, body: Body, expect: readonly number[], about: string): FuzzRequest {
  return { ...right, body, expect, about };
}

const jsonOf = (request: FuzzRequest): Record<string, unknown> =>
  request.body?.kind === "json" ? { ...(request.body.value as object) } : {};

interface Property {
  readonly name: string;
  readonly schema: Schema;
  readonly required: boolean;
}

/** The properties of a body, of each of its kinds. */
function propertiesOf(document: OpenApiDocument, schema: Schema): Property[] {
  if (typeof schema.$ref === "string") return propertiesOf(document, lookUp(document, { $ref: schema.$ref }));
  if (schema.properties === undefined && Array.isArray(schema.oneOf)) {
    return schema.oneOf.flatMap((part: Schema) => propertiesOf(document, part));
  }
  const required = (schema.required ?? []) as string[];
  return Object.entries(schema.properties as Record<string, Schema>).map(([name, property]) => ({
    name,
    schema: property,
    required: required.includes(name),
  }));
}

function wrongValues({ schema }: Property): [value: unknown, about: string][] {
  const types = [schema.type].flat() as string[];
  const { maxLength, minLength, maximum, minimum } = schema as Record<string, number | undefined>;
  return [
    ...(types.includes("string") || schema.enum ? [[7, "a number for a text"] as [unknown, string]] : []),
    ...(types.includes("object") ? [] : [[{ a: 1 }, "an object"] as [unknown, string]]),
    [[[]], "a list"],
    ...(types.includes("null") ? [] : [[null, "null"] as [unknown, string]]),
    ...(types.includes("integer")
      ? ([
          ["7", "a text for a number"],
          [1.5, "a fraction"],
          [2 ** 60, "a huge number"],
        ] as [unknown, string][])
      : []),
    ...(types.includes("boolean")
      ? ([
          ["true", "a text for a boolean"],
          [1, "a number for a boolean"],
        ] as [unknown, string][])
      : []),
    ...(schema.enum ? ([["nonsense", "a value that is none of the list"]] as [unknown, string][]) : []),
    ...(maxLength ? ([["y".repeat(maxLength * 4 + 1), "a text that is too long"]] as [unknown, string][]) : []),
    ...(minLength ? ([["", "an empty text"]] as [unknown, string][]) : []),
    ...(maximum === undefined ? [] : ([[maximum + 1, "one more than the most"]] as [unknown, string][])),
    ...(minimum === undefined ? [] : ([[minimum - 1, "one less than the least"]] as [unknown, string][])),
  ];
}

/** A property gets a value it can't have. A body without it may be of another kind: then all of it is wrong anyhow. */
function wrongProperty(properties: readonly Property[]): Fault {
  return fc.constantFrom(...properties).chain((property) =>
    fc.constantFrom(...wrongValues(property)).map(([value, about]) => (right: FuzzRequest) => {
      const body: Body = { kind: "json", value: { ...jsonOf(right), [property.name]: value } };
      return change(right, body, INVALID, `${property.name} is ${about}`);
    }),
  );
}

function missingProperty(properties: readonly Property[]): Fault | null {
  const required = properties.filter((property) => property.required);
  if (required.length === 0) return null;
  return fc.constantFrom(...required).map(({ name }) => (right: FuzzRequest) => {
    const { [name]: _left, ...value } = jsonOf(right);
    return change(right, { kind: "json", value }, INVALID, `${name} is missing`);
  });
}

const unknownProperty: Fault = fc
  .constantFrom("isAdmin", "userId", "status", "id", "constructor", "extra", "Name", "")
  .map((name) => (right: FuzzRequest) => {
    const body: Body = { kind: "json", value: { ...jsonOf(right), [name]: "x" } };
    return change(right, body, INVALID, `a field "${name}" that is not known`);
  });

function textBody(text: string, expect: readonly number[], about: string, mediaType: string | null = JSON_TYPE): Fault {
  return fc.constant((right: FuzzRequest) => change(right, { kind: "text", text, mediaType }, expect, about));
}

/** Bodies that are wrong whatever the operation takes. */
const wholeBodies: Fault = fc.oneof(
  textBody("", [400], "an empty body"),
  textBody('{"a":', [400], "JSON that breaks off"),
  textBody("{'a':1}", [400], "single quotes"),
  textBody("nothing of the kind", [400], "no JSON at all"),
  textBody("[]", INVALID, "a list"),
  textBody('"text"', INVALID, "a text"),
  textBody("null", INVALID, "null"),
  textBody("9".repeat(4000), INVALID, "a number without end"),
  textBody(`{"__proto__":{"role":"admin"}}`, INVALID, "a prototype"),
  textBody(`${"[".repeat(5000)}${"]".repeat(5000)}`, INVALID, "deep nesting"),
  textBody("[".repeat(9000), [400], "brackets that are never closed"),
  textBody(`{"a":"${TOO_LONG}"}`, [413], "17 KiB"),
  textBody("{}", [415], "text/plain", "text/plain"),
  textBody("a=1", [415], "a form", "application/x-www-form-urlencoded"),
  textBody("<a/>", [415], "XML", "application/xml"),
  textBody("{}", [415], "no media type", null),
  textBody("{}", [415], "another JSON", "application/problem+json"),
  textBody("{}", [415], "two media types", "text/plain, application/json"),
  fc.constant(
    (right: FuzzRequest): FuzzRequest =>
      change(right, { kind: "bytes", base64: "eyJhIjoi//4ifQ==", mediaType: JSON_TYPE }, [400], "no UTF-8"),
  ),
  fc.constant(
    (right: FuzzRequest): FuzzRequest => ({
      ...right,
      headers: [...right.headers, ["Content-Encoding", "gzip"] as const],
      expect: [415],
      about: "an encoded body",
    }),
  ),
);

/** Still right, though not everybody writes it so. */
const unusualBodies: Fault = fc
  .constantFrom("application/json; charset=utf-8", "APPLICATION/JSON", "application/json;charset=UTF-8;x=y")
  .map(
    (mediaType) => (right: FuzzRequest) =>
      right.body?.kind === "json"
        ? { ...right, body: { ...right.body, mediaType }, about: `sent as ${mediaType}` }
        : right,
  );

export function bodyFaults(document: OpenApiDocument, schema: Schema): Fault {
  const properties = propertiesOf(document, schema);
  const missing = missingProperty(properties);
  return fc.oneof(
    { weight: 3, arbitrary: wrongProperty(properties) },
    ...(missing ? [{ weight: 1, arbitrary: missing }] : []),
    { weight: 1, arbitrary: unknownProperty },
    { weight: 2, arbitrary: wholeBodies },
    { weight: 1, arbitrary: unusualBodies },
  );
}

/** For commands that take no body. */
export function commandFaults(): Fault {
  return fc.oneof(
    textBody('{"id":"x"}', INVALID, "a field where none is taken"),
    textBody("[]", INVALID, "a list where no body is taken"),
    textBody(TOO_LONG, [413], "17 KiB where no body is taken"),
    fc.constant(
      (right: FuzzRequest): FuzzRequest => ({
        ...right,
        body: { kind: "text", text: "{}", mediaType: JSON_TYPE },
        about: "an empty object",
      }),
    ),
  );
}

function parts(about: string, expect: readonly number[], make: (right: readonly Part[]) => readonly Part[]): Fault {
  return fc.constant((right: FuzzRequest) => {
    const present = right.body?.kind === "multipart" ? right.body.parts : [];
    return change(right, { kind: "multipart", parts: make(present) }, expect, about);
  });
}

const wrongPicture = (name: string, picture: "text" | "empty" | "truncated" | "tiny" | "gif", status: number): Fault =>
  parts(`a picture that is ${picture}`, [status], () => [
    { name: "kind", value: name === "file" ? "person" : "style" },
    ...(name === "file" ? [] : [{ name: "stylePreset", value: "oil" }]),
    { name, picture },
  ]);

/** For the operations that take files: `file` is the upload's, `person` the conversion's. */
export function multipartFaults(operationId: string): Fault {
  const name = operationId === "uploadImage" ? "file" : "person";
  return fc.oneof(
    wrongPicture(name, "text", 415),
    wrongPicture(name, "empty", 415),
    wrongPicture(name, "gif", 415),
    wrongPicture(name, "truncated", 422),
    wrongPicture(name, "tiny", 422),
    parts("no part at all", INVALID, () => [{ name: "nothing", value: "x" }]),
    parts("a text for a file", INVALID, () => [
      { name: "kind", value: "person" },
      { name, value: "text" },
    ]),
    parts("a kind that there is not", INVALID, (right) => [
      { name: "kind", value: "result" },
      ...right.filter((part) => part.name !== "kind"),
    ]),
    parts("a part sent twice", INVALID, (right) => [...right, ...right]),
    parts("a file under another name", INVALID, (right) => [...right, { name: "other", picture: "style" }]),
    parts("a field that is not known", INVALID, (right) => [...right, { name: "userId", value: "usr_1" }]),
    textBody("no parts", [400], "no multipart", "multipart/form-data; boundary=abc"),
    textBody("no parts", [400], "no boundary", "multipart/form-data"),
    ...(operationId === "uploadImage" ? [textBody("{}", [415], "JSON for a form")] : []),
  );
}
