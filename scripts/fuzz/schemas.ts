/** Whether answers are what their schema says, and no more. */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { OpenApiDocument, Schema } from "../openapi/types.ts";

/**
 * The schema with objects closed: what a client can't know of is a fault here. Where a schema is made of several, only
 * the whole is closed.
 */
function closed(schema: unknown, isPart = false): unknown {
  if (Array.isArray(schema)) return schema.map((item) => closed(item));
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema).map(([keyword, value]) => {
    if (keyword === "properties") {
      const properties = Object.entries(value as Record<string, unknown>).map(([name, part]) => [name, closed(part)]);
      return [keyword, Object.fromEntries(properties)];
    }
    if (keyword === "allOf") return [keyword, (value as unknown[]).map((part) => closed(part, true))];
    if (keyword === "enum" || keyword === "required" || keyword === "const") return [keyword, value];
    return [keyword, closed(value)];
  });
  const isObject = "properties" in schema || "allOf" in schema || "$ref" in schema;
  const isOpen = !isPart && isObject && !("additionalProperties" in schema);
  return Object.fromEntries([...entries, ...(isOpen ? [["unevaluatedProperties", false]] : [])]);
}

export class Schemas {
  readonly #ajv: Ajv2020;
  readonly #components: Record<string, unknown>;
  readonly #known = new Map<Schema, ValidateFunction>();

  constructor(document: OpenApiDocument) {
    this.#ajv = new Ajv2020({ strict: false, allErrors: false, validateFormats: true });
    addFormats.default(this.#ajv);
    // Components stay open at their top: whoever refers to one closes it, perhaps after adding to it.
    const components = Object.entries(document.components.schemas);
    this.#components = Object.fromEntries(components.map(([name, schema]) => [name, closed(schema, true)]));
  }

  /** What is wrong with a value; null when it is what the schema says. */
  problemOf(schema: Schema, value: unknown): string | null {
    let validate = this.#known.get(schema);
    if (validate === undefined) {
      const whole = { ...(closed(schema) as object), components: { schemas: this.#components } };
      validate = this.#ajv.compile(whole);
      this.#known.set(schema, validate);
    }
    return validate(value) ? null : this.#ajv.errorsText(validate.errors, { dataVar: "body" });
  }
}
