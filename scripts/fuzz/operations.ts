/** The operations of the OpenAPI document, one by one. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Method, OpenApiDocument, Operation, Parameter, Reference } from "../openapi/types.ts";
import { ROOT } from "../stack-env.ts";

export interface Endpoint {
  readonly id: string;
  /** In capitals. */
  readonly method: string;
  /** The template, such as `/api/images/{id}`. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly operation: Operation;
  /** In capitals: every documented method of the path, with HEAD where there is GET. */
  readonly allowed: readonly string[];
}

export async function readDocument(): Promise<OpenApiDocument> {
  return JSON.parse(await readFile(join(ROOT, "docs/openapi.json"), "utf8")) as OpenApiDocument;
}

/** What `#/components/…` names. @throws {Error} when there is no such component. */
export function lookUp<T>(document: OpenApiDocument, { $ref }: Reference): T {
  const keys = $ref.replace(/^#\//, "").split("/");
  const found = keys.reduce<unknown>((value, key) => (value as Record<string, unknown>)?.[key], document);
  if (found === undefined) throw new Error(`the document has no ${$ref}`);
  return found as T;
}

export function readOperations(document: OpenApiDocument): Endpoint[] {
  return Object.entries(document.paths).flatMap(([path, methods]) => {
    const documented = Object.keys(methods).map((method) => method.toUpperCase());
    const allowed = documented.includes("GET") ? [...documented, "HEAD"] : documented;
    return Object.entries(methods).map(([method, operation]) => ({
      id: operation.operationId,
      method: (method as Method).toUpperCase(),
      path,
      parameters: (operation.parameters ?? []).map((parameter) =>
        "$ref" in parameter ? lookUp<Parameter>(document, parameter) : parameter,
      ),
      operation,
      allowed,
    }));
  });
}
