/** What every answer must be, whatever was asked. */
import { ERRORS, type ErrorCode } from "../../src/kernel/error-registry.ts";
import type { Answer as Documented, Header, OpenApiDocument, Reference } from "../openapi/types.ts";
import { echoProblems } from "./echo.ts";
import { leakProblems } from "./leaks.ts";
import { type Endpoint, lookUp } from "./operations.ts";
import type { Answer, FuzzRequest, SentRequest } from "./request.ts";
import { Schemas } from "./schemas.ts";

export interface Exchange {
  readonly endpoint: Endpoint;
  readonly request: FuzzRequest;
  readonly sent: SentRequest;
  readonly answer: Answer;
}

/** Headers that tell something: whoever sends one must have said so in the document. */
const TELLING = [
  "etag",
  "location",
  "retry-after",
  "www-authenticate",
  "allow",
  "ratelimit",
  "ratelimit-policy",
  "idempotency-replayed",
  "content-range",
  "accept-ranges",
  "device-token",
];
const ACCEPTED_ID = /^[A-Za-z0-9_-]{8,64}$/;

function parsed(answer: Answer): unknown {
  try {
    return JSON.parse(answer.body.toString());
  } catch {
    return undefined;
  }
}

const mediaTypeOf = (answer: Answer) => answer.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();

export class Checker {
  readonly #document: OpenApiDocument;
  readonly #schemas: Schemas;
  readonly #secrets: readonly string[];

  constructor(document: OpenApiDocument, secrets: readonly string[] = []) {
    this.#document = document;
    this.#schemas = new Schemas(document);
    this.#secrets = secrets;
  }

  /** Everything that is wrong with an answer, in words. */
  problems(exchange: Exchange): string[] {
    const { endpoint, request, answer } = exchange;
    const { status } = answer;
    const documented = endpoint.operation.responses[status];
    const found = [...this.#everywhere(exchange), ...leakProblems(exchange, this.#secrets)];
    if (status >= 500) found.push(`the service failed with ${status}`);
    if (request.expect !== null && !request.expect.includes(status)) {
      found.push(`${status} where ${request.expect.join(" or ")} was due`);
    }
    if (documented === undefined) return [...found, `the status ${status} is not documented for ${endpoint.id}`];
    return [
      ...found,
      ...this.#headers(documented, answer),
      ...this.#body(documented, exchange),
      ...(status < 300 ? echoProblems(exchange) : []),
    ];
  }

  #everywhere({ endpoint, request, sent, answer }: Exchange): string[] {
    const found: string[] = [];
    const { status, headers } = answer;
    const given = sent.headers.filter(([name]) => name === "X-Request-Id").map(([, value]) => value);
    const id = headers["x-request-id"];
    if (given[0] !== undefined && ACCEPTED_ID.test(given[0]) && id !== given[0])
      found.push("X-Request-Id was not kept");
    if (headers["x-content-type-options"] !== "nosniff") found.push("no X-Content-Type-Options: nosniff");
    if (!headers["strict-transport-security"]) found.push("no Strict-Transport-Security");
    if (!headers["content-security-policy"]) found.push("no Content-Security-Policy");
    if (!headers.vary?.includes("Origin")) found.push("no Vary: Origin");
    if (headers["access-control-allow-origin"]) found.push("a foreign Origin was let in");
    const isPrivate = endpoint.operation.security.length > 0 && request.operationId !== "getImageContent";
    if ((status >= 400 || isPrivate) && headers["cache-control"] !== "no-store") {
      found.push(`Cache-Control is ${headers["cache-control"]}, not no-store`);
    }
    if (status === 405 && !endpoint.allowed.every((method) => headers.allow?.split(", ").includes(method))) {
      found.push(`Allow is "${headers.allow}", not ${endpoint.allowed.join(", ")}`);
    }
    return found;
  }

  #headers(documented: Documented, { headers, status }: Answer): string[] {
    const found: string[] = [];
    const named = Object.entries(documented.headers ?? {});
    for (const [name, header] of named) {
      const { required, schema } =
        "$ref" in header ? lookUp<Header>(this.#document, header as Reference) : (header as Header);
      const value = headers[name.toLowerCase()];
      if (value === undefined) {
        if (required) found.push(`the header ${name} is missing from the ${status}`);
        continue;
      }
      const typed = schema.type === "integer" ? Number(value) : value;
      const problem = this.#schemas.problemOf(schema, typed);
      if (problem !== null) found.push(`the header ${name}: ${value} is off its schema: ${problem}`);
    }
    const known = new Set(named.map(([name]) => name.toLowerCase()));
    for (const name of TELLING) {
      if (headers[name] !== undefined && !known.has(name))
        found.push(`the header ${name} is not documented for ${status}`);
    }
    return found;
  }

  #body(documented: Documented, exchange: Exchange): string[] {
    const { request, answer } = exchange;
    const mediaType = mediaTypeOf(answer);
    const content = documented.content ?? {};
    if (request.method === "HEAD") return answer.body.length > 0 ? ["HEAD has a body"] : [];
    if (Object.keys(content).length === 0) return answer.body.length > 0 ? [`a ${answer.status} with a body`] : [];
    if (mediaType === undefined || content[mediaType] === undefined) {
      return [`the media type ${mediaType} is not documented for ${answer.status}`];
    }
    if (!mediaType.endsWith("json")) return answer.body.length === 0 ? ["an empty body"] : [];
    const value = parsed(answer);
    if (value === undefined) return ["the body is not JSON"];
    const problem = this.#schemas.problemOf(content[mediaType].schema, value);
    if (problem !== null) return [`the body is off its schema: ${problem}`];
    return mediaType === "application/problem+json" ? this.#problem(documented, answer, value) : [];
  }

  #problem(documented: Documented, { status, headers }: Answer, value: unknown): string[] {
    const problem = value as {
      type: string;
      title: string;
      status: number;
      code: ErrorCode;
      requestId: string;
      errors?: [];
    };
    const spec = ERRORS[problem.code];
    const found: string[] = [];
    if (problem.type !== `urn:ai-styler:error:${problem.code}`)
      found.push(`type ${problem.type} does not fit its code`);
    if (problem.status !== status || spec.status !== status) found.push(`${problem.code} with status ${status}`);
    if (problem.title !== spec.title) found.push(`the title of ${problem.code} is "${problem.title}"`);
    if (problem.requestId !== headers["x-request-id"]) found.push("requestId is not X-Request-Id");
    if ((problem.code === "validation_failed") === (problem.errors === undefined)) {
      found.push("`errors` belongs to validation_failed, and to nothing else");
    }
    if (problem.errors?.length === 0) found.push("`errors` is empty");
    if (!documented["x-codes"]?.includes(problem.code)) found.push(`${problem.code} is not documented for ${status}`);
    return found;
  }
}
