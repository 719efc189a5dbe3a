/** Values a JSON Schema of the document accepts. */
import fc from "fast-check";
import type { OpenApiDocument, Schema } from "../openapi/types.ts";
import { lookUp } from "./operations.ts";

type Fields = Readonly<Record<string, fc.Arbitrary<unknown>>>;

/** As short as usual text is; longer is tried where boundaries are. */
const USUAL_LENGTH = 24;
const LETTERS = "abcdefgh XYZ0189-_.،چشمةдй字😀é";

function text(minLength: number, maxLength: number): fc.Arbitrary<string> {
  const unit = fc.constantFrom(...Array.from(LETTERS));
  const max = Math.max(minLength, Math.min(maxLength, USUAL_LENGTH));
  return fc
    .string({ unit, minLength, maxLength: max })
    .map((value) => value.trim())
    .filter((value) => value.length >= minLength && value.length <= maxLength);
}

function ofString(schema: Schema): fc.Arbitrary<unknown> {
  const { minLength = 0, maxLength = 1000, pattern, format } = schema as Record<string, never>;
  if (format === "date") return fc.constantFrom("2026-11-01", "2026-11-29");
  if (format === "date-time") return fc.constantFrom("2026-11-01T00:00:00Z", "2026-11-29T23:59:59.999+03:30");
  const plain = text(Math.max(minLength, 1), maxLength);
  if (pattern === undefined) return plain;
  const expression = new RegExp(pattern, "u");
  // Text usually fits patterns that only keep characters out.
  if (["abc", "Title 7"].every((probe) => expression.test(probe)))
    return plain.filter((value) => expression.test(value));
  return fc.stringMatching(expression).filter((value) => value.length >= minLength && value.length <= maxLength);
}

function ofInteger({ minimum = 0, maximum = 1000 }: Schema): fc.Arbitrary<unknown> {
  const [min, max] = [minimum as number, maximum as number];
  return fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max));
}

function ofObject(document: OpenApiDocument, schema: Schema, fields: Fields): fc.Arbitrary<unknown> {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Schema>);
  const required = (schema.required ?? []) as string[];
  const additional = schema.additionalProperties as Schema | boolean | undefined;
  if (properties.length === 0 && typeof additional === "object") {
    const { maxProperties = 5 } = schema as { maxProperties?: number };
    return fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), valuesOf(document, additional), {
      maxKeys: Math.min(5, maxProperties),
    });
  }
  const shape = properties.map(([name, property]) => [name, fields[name] ?? valuesOf(document, property)] as const);
  return fc.record(Object.fromEntries(shape), { requiredKeys: required, noNullPrototype: true });
}

/** Values of a schema; `fields` are used for the properties of that name, at the top. */
export function valuesOf(document: OpenApiDocument, schema: Schema, fields: Fields = {}): fc.Arbitrary<unknown> {
  if (typeof schema.$ref === "string") return valuesOf(document, lookUp(document, { $ref: schema.$ref }), fields);
  if (Array.isArray(schema.enum)) return fc.constantFrom(...(schema.enum as unknown[]));
  if ("const" in schema) return fc.constant(schema.const);
  // Properties beside it are of an object that makes a choice of its own: see plans.ts.
  if (Array.isArray(schema.oneOf) && schema.properties === undefined) {
    return fc.oneof(...schema.oneOf.map((part: Schema) => valuesOf(document, part, fields)));
  }
  const types = [schema.type].flat() as string[];
  const made = types.map((type) => {
    if (type === "null") return fc.constant(null);
    if (type === "boolean") return fc.boolean();
    if (type === "integer" || type === "number") return ofInteger(schema);
    if (type === "object") return ofObject(document, schema, fields);
    if (type === "string") return ofString(schema);
    throw new Error(`no values are made of type ${type}`);
  });
  return fc.oneof(...made);
}
