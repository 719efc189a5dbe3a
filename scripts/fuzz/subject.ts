/** An operation with what is known of it: the document's word, and how to call it. */
import type fc from "fast-check";
import type { OpenApiDocument } from "../openapi/types.ts";
import type { Endpoint } from "./operations.ts";
import { PLANS, type Plan } from "./plans.ts";
import type { FuzzRequest } from "./request.ts";

/** A request with one thing wrong, made of a right one. */
export type Fault = fc.Arbitrary<(right: FuzzRequest) => FuzzRequest>;

export interface Subject {
  readonly document: OpenApiDocument;
  readonly endpoint: Endpoint;
  readonly plan: Plan;
}

export function subjectOf(document: OpenApiDocument, endpoint: Endpoint): Subject {
  return { document, endpoint, plan: PLANS[endpoint.id] ?? { who: "nobody" } };
}

/** What a right request may be answered. */
export function goodStatuses({ endpoint, plan }: Subject): number[] {
  if (plan.good) return [...plan.good];
  return Object.keys(endpoint.operation.responses)
    .map(Number)
    .filter((status) => status < 300);
}
