import { ERRORS, type ErrorCode } from "../../src/kernel/error-registry.ts";
import { BODY_EXAMPLES, PARAMETER_EXAMPLES } from "./examples.ts";
import { answerHeaders, HEADERS, PARAMETERS, requestHeaders } from "./headers.ts";
import { linksOf } from "./links.ts";
import { COMPONENT_FACTS, PROPERTY_FACTS, STYLE_CHOICE } from "./schema-facts.ts";
import type { Answer, Method, OpenApiDocument, Operation, Parameter, Reference, Schema } from "./types.ts";

const SECURITY_SCHEMES = {
  bearer: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "The `accessToken` of register or login.",
  },
  signedUrl: {
    type: "apiKey",
    in: "query",
    name: "sig",
    description: "The signature of a `url`, `thumbnailUrl` or `thumbnail256Url`, with its `exp`.",
  },
};

/** What a caller's own pace is counted by: every command of a signed-in user but the one that also ended sessions may give. */
function isPaced(method: Method, { operationId, security }: Operation): boolean {
  return method !== "get" && operationId !== "logout" && security.some((scheme) => "bearer" in scheme);
}

function problem(codes: readonly ErrorCode[], description?: string): Answer {
  return {
    description: description ?? codes.map((code) => `\`${code}\`: ${ERRORS[code].detail}`).join("\n\n"),
    content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
  };
}

/** Answers that no route gives by itself. */
function addAnswers(method: Method, operation: Operation): void {
  const { responses } = operation;
  const limited = responses[429];
  if (limited === undefined && isPaced(method, operation)) responses[429] = problem(["rate_limited"]);
  else if (limited && isPaced(method, operation) && !limited.description.includes("`rate_limited`")) {
    limited.description += `\n\n${problem(["rate_limited"]).description}`;
  }
  responses[405] = problem(["method_not_allowed"]);
  const unavailable = responses[503];
  if (unavailable && !unavailable.description.includes("`service_unavailable`")) {
    unavailable.description += `\n\n${problem(["misconfigured", "service_unavailable"]).description}`;
  }
}

/** The error codes a description names, of that status: so that programs can read them, too. */
function addCodes(answer: Answer, status: string): void {
  const named = Array.from(answer.description.matchAll(/^`(\w+)`: /gm), ([, code]) => code as ErrorCode);
  const codes = named.filter((code) => code in ERRORS && String(ERRORS[code].status) === status);
  if (codes.length > 0) answer["x-codes"] = codes;
}

function addHeaders(operation: Operation): void {
  for (const [status, answer] of Object.entries(operation.responses)) {
    addCodes(answer, status);
    const names = answerHeaders(operation, status);
    const known = names.map((name) => [name, { $ref: `#/components/headers/${name}` }] as const);
    answer.headers = { ...answer.headers, ...Object.fromEntries(known) };
    const links = /^20[12]|^200/.test(status) ? linksOf(operation) : undefined;
    if (links !== undefined) answer.links = links;
  }
}

function withExample(path: string, parameter: Parameter | Reference): Parameter | Reference {
  if ("$ref" in parameter || parameter.in !== "path") return parameter;
  const example = PARAMETER_EXAMPLES.find(([part]) => `${path}/`.includes(`${part}/{${parameter.name}}/`))?.[1];
  return example === undefined ? parameter : { ...parameter, schema: { ...parameter.schema, example } };
}

function addRequest(path: string, operation: Operation): void {
  const headers = requestHeaders(operation).map((name) => ({ $ref: `#/components/parameters/${name}` }));
  const own = (operation.parameters ?? []).map((parameter) => withExample(path, parameter));
  operation.parameters = [...own, ...headers];
  for (const [mediaType, media] of Object.entries(operation.requestBody?.content ?? {})) {
    const examples = BODY_EXAMPLES[operation.operationId]?.[mediaType];
    if (examples === undefined) throw new Error(`${operation.operationId} has no example of ${mediaType}`);
    media.examples = examples;
  }
}

function withFacts(schema: Schema, facts: Readonly<Record<string, Schema>>): Schema {
  if (Array.isArray(schema.oneOf)) return { ...schema, oneOf: schema.oneOf.map((part) => withFacts(part, facts)) };
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Schema>);
  const told = properties.map(([name, property]) => [name, { ...property, ...facts[name] }] as const);
  const isStyle = properties.some(([name]) => name === "stylePreset");
  return { ...schema, properties: Object.fromEntries(told), ...(isStyle ? STYLE_CHOICE : {}) };
}

function completeSchemas(schemas: Record<string, Schema>): void {
  for (const [name, facts] of Object.entries(PROPERTY_FACTS)) {
    const schema = schemas[name];
    if (schema === undefined) throw new Error(`there is no schema ${name} to complete`);
    schemas[name] = { ...withFacts(schema, facts), ...COMPONENT_FACTS[name] };
  }
}

/** The fields of the JSON body as text, beside the files: a form has no other types. */
function completeUploads(schemas: Record<string, Schema>): void {
  const kinds = (schemas.CreateConversion?.oneOf ?? []) as Schema[];
  const fields = Object.assign({}, ...kinds.map(({ properties }) => properties)) as Record<string, Schema>;
  for (const [name, more] of Object.entries({ CreateConversionUpload: fields, UploadImage: {} })) {
    const schema = schemas[name];
    if (schema === undefined) throw new Error(`there is no schema ${name} to complete`);
    const properties = { ...more, ...(schema.properties as object) };
    const required = name === "UploadImage" ? schema.required : ["kind"];
    schemas[name] = { ...schema, properties, required, additionalProperties: false };
  }
}

/**
 * The document with what the routes leave out: it is for readers, and would only make the Worker bigger.
 * @throws {Error} when a table here and the routes have gone apart.
 */
export function completeDocument(document: OpenApiDocument): OpenApiDocument {
  const { webhooks: _none, ...rest } = document;
  completeSchemas(rest.components.schemas);
  completeUploads(rest.components.schemas);
  for (const [path, methods] of Object.entries(rest.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      addAnswers(method as Method, operation);
      addRequest(path, operation);
      addHeaders(operation);
    }
  }
  const components = {
    securitySchemes: SECURITY_SCHEMES,
    ...rest.components,
    headers: { ...HEADERS },
    parameters: { ...rest.components.parameters, ...PARAMETERS },
  };
  return { ...rest, components };
}
