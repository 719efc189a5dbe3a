/** What of an OpenAPI document the collection needs, and bodies made of its schemas. */

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly example?: unknown;
  readonly minimum?: number;
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

export interface MediaType {
  readonly schema: Schema;
  readonly examples?: Readonly<Record<string, { readonly value: Readonly<Record<string, unknown>> }>>;
}

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly (Parameter | { readonly $ref: string })[];
  readonly requestBody?: { readonly content: Readonly<Record<string, MediaType>> };
  readonly responses: Readonly<Record<string, object>>;
}

export interface OpenApiDocument {
  readonly info: { readonly title: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** What requests say by variables that earlier answers, or the first request, have set. */
const VARIABLE_OF: Readonly<Record<string, string>> = {
  phone: "phone",
  challengeId: "challengeId",
  code: "code",
  verificationToken: "verificationToken",
  refreshToken: "refreshToken",
  sessionId: "sessionId",
  password: "password",
  currentPassword: "password",
  newPassword: "password",
  personImageId: "imageId",
  garmentImageId: "imageId",
  styleImageId: "imageId",
};

/** `{{name}}` where a variable holds what the field or parameter is for. */
export function variableFor(name: string): string | null {
  const variable = VARIABLE_OF[name];
  return variable === undefined ? null : `{{${variable}}}`;
}

/** What a `$ref` within the document points to, or the thing itself. */
export function resolve<T extends object>(document: OpenApiDocument, thing: T | { readonly $ref: string }): T {
  if (!("$ref" in thing) || typeof thing.$ref !== "string") return thing as T;
  const steps = thing.$ref.replace("#/", "").split("/");
  const found = steps.reduce<unknown>(
    (value, step) => (value as Record<string, unknown> | undefined)?.[step],
    document,
  );
  if (found === undefined) throw new Error(`docs/openapi.json refers to ${thing.$ref}, which it has not`);
  return resolve(document, found as T);
}

/** The first example of a body, or what its schema asks for; with variables where they hold the field. */
export function bodyExample(document: OpenApiDocument, { schema, examples }: MediaType): Record<string, unknown> {
  const documented = Object.values(examples ?? {})[0]?.value;
  const fields = documented ?? objectOf(document, resolve<Schema>(document, schema));
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, variableFor(name) ?? value]));
}

/** What a schema gives as an example, or something of its type; the first of several kinds. */
export function exampleOf(document: OpenApiDocument, given: Schema): unknown {
  const schema = resolve<Schema>(document, given);
  const known = schema.example ?? schema.default ?? schema.enum?.[0];
  if (known !== undefined) return known;
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "object" || schema.oneOf !== undefined) return objectOf(document, schema);
  if (type === "array") return schema.items === undefined ? [] : [exampleOf(document, schema.items)];
  if (type === "integer" || type === "number") return schema.minimum ?? 1;
  return type === "boolean" ? true : "text";
}

/** What an object needs. */
function objectOf(document: OpenApiDocument, given: Schema): Record<string, unknown> {
  const schema = given.oneOf?.[0] === undefined ? given : resolve<Schema>(document, given.oneOf[0]);
  const { required = schema.anyOf?.[0]?.required ?? [], properties = {} } = schema;
  return Object.fromEntries(required.map((name) => [name, exampleOf(document, properties[name] ?? {})]));
}
