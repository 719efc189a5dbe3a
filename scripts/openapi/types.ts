/** As much of OpenAPI 3.1 as the scripts here read and write. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

export interface Reference {
  readonly $ref: string;
}

export interface Header {
  readonly description: string;
  readonly required?: boolean;
  readonly schema: Schema;
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description?: string;
  readonly required?: boolean;
  readonly schema: Schema;
  readonly example?: unknown;
}

export interface MediaType {
  schema: Schema;
  examples?: Readonly<Record<string, { readonly summary: string; readonly value: unknown }>>;
}

export interface Link {
  readonly operationId: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface Answer {
  description: string;
  headers?: Record<string, Header | Reference>;
  content?: Record<string, MediaType>;
  links?: Readonly<Record<string, Link>>;
  /** The codes of the problems it may carry. */
  "x-codes"?: readonly string[];
}

export interface Operation {
  readonly operationId: string;
  readonly "x-role": "anyone" | "user" | "admin" | "operator";
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  parameters?: (Parameter | Reference)[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Record<string, MediaType> };
  responses: Record<string, Answer>;
}

export type Method = "get" | "post" | "put" | "patch" | "delete";

export interface OpenApiDocument {
  paths: Record<string, Partial<Record<Method, Operation>>>;
  components: {
    schemas: Record<string, Schema>;
    parameters: Record<string, Parameter>;
    headers?: Record<string, Header>;
    securitySchemes?: Record<string, object>;
  };
  webhooks?: object;
}
