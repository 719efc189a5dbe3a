/** Requests for an operation: right ones, ones with one thing wrong, and hostile ones. */
import fc from "fast-check";
import type { Schema } from "../openapi/types.ts";
import { valuesOf } from "./arbitrary.ts";
import { bodyFaults, commandFaults, multipartFaults } from "./body-faults.ts";
import { hostileText, hostileValue } from "./hostile.ts";
import type { Body, FuzzRequest, Pair } from "./request.ts";
import { requestFaults } from "./request-faults.ts";
import { type Fault, goodStatuses, type Subject } from "./subject.ts";

export type Kind = "right" | "near" | "hostile";

function queryOf({ document, endpoint, plan }: Subject): fc.Arbitrary<readonly Pair[]> {
  if (plan.query) return plan.query;
  // A cursor is of a list and its filters: only plans know a good one.
  const named = endpoint.parameters.filter(({ in: place, name }) => place === "query" && name !== "cursor");
  const pairs = named.map(({ name, schema }) =>
    fc.option(
      valuesOf(document, schema).map((value): Pair => [name, String(value)]),
      { nil: null },
    ),
  );
  return fc.tuple(...pairs).map((chosen) => chosen.filter((pair) => pair !== null));
}

function bodiesOf({ document, endpoint, plan }: Subject): fc.Arbitrary<Body | null> {
  const { content = {} } = endpoint.operation.requestBody ?? { content: {} };
  const choices: fc.Arbitrary<Body | null>[] = [];
  const json = content["application/json"];
  if (json) {
    const values = plan.body ?? valuesOf(document, json.schema, plan.fields);
    choices.push(values.map((value) => ({ kind: "json", value })));
  }
  if (plan.multipart) choices.push(plan.multipart.map((parts) => ({ kind: "multipart", parts })));
  return choices.length === 0 ? fc.constant(null) : fc.oneof(...choices);
}

export function rightRequest(subject: Subject): fc.Arbitrary<FuzzRequest> {
  const { endpoint, plan } = subject;
  return fc.tuple(queryOf(subject), bodiesOf(subject)).map(([query, body]) => ({
    operationId: endpoint.id,
    method: endpoint.method,
    params: plan.params ?? {},
    query,
    headers: [],
    auth: "valid",
    body,
    expect: goodStatuses(subject),
    about: "a right request",
  }));
}

function faultsOf(subject: Subject): Fault {
  const { document, endpoint, plan } = subject;
  const { requestBody } = endpoint.operation;
  const json = requestBody?.content["application/json"]?.schema as Schema | undefined;
  const choices = [requestFaults(subject)];
  if (json) choices.push(bodyFaults(document, json));
  if (plan.multipart) choices.push(multipartFaults(endpoint.id));
  // Where a body is not looked at, none is sent: not every proxy takes one with a GET.
  if (!requestBody && endpoint.method !== "GET") choices.push(commandFaults());
  return fc.oneof(...choices);
}

function hostileBody(body: Body | null): fc.Arbitrary<Body | null> {
  if (body?.kind === "json" && typeof body.value === "object" && body.value !== null) {
    const fields = Object.keys(body.value);
    const value = body.value as Record<string, unknown>;
    return fc
      .tuple(fc.constantFrom(...(fields.length > 0 ? fields : ["x"])), hostileValue)
      .map(([field, hostile]) => ({ kind: "json", value: { ...value, [field]: hostile } }));
  }
  if (body?.kind === "multipart") {
    const { parts } = body;
    return fc
      .tuple(fc.nat(parts.length - 1), hostileText)
      .map(([at, value]) => ({ kind: "multipart", parts: parts.with(at, { name: parts[at]?.name ?? "x", value }) }));
  }
  return fc.constant(body);
}

function hostileRequest(subject: Subject): fc.Arbitrary<FuzzRequest> {
  const { endpoint } = subject;
  const named = endpoint.parameters.filter(({ in: place }) => place !== "header");
  return rightRequest(subject).chain((right) => {
    const params = Object.fromEntries(
      named.filter(({ in: place }) => place === "path").map(({ name }) => [name, hostileText]),
    );
    const query = named
      .filter(({ in: place }) => place === "query")
      .map(({ name }) => hostileText.map((v): Pair => [name, v]));
    const choices = [
      hostileBody(right.body).map((body) => ({ ...right, body })),
      ...(query.length > 0 ? [fc.oneof(...query).map((pair) => ({ ...right, query: [...right.query, pair] }))] : []),
      ...(Object.keys(params).length > 0 ? [fc.record(params).map((hostile) => ({ ...right, params: hostile }))] : []),
    ];
    return fc.oneof(...choices).map((request) => ({ ...request, expect: null, about: "hostile text" }));
  });
}

/** Requests of a kind, the same ones for the same seed. */
export function requestsOf(subject: Subject, kind: Kind): fc.Arbitrary<FuzzRequest> {
  if (kind === "right") return rightRequest(subject);
  if (kind === "hostile") return hostileRequest(subject);
  return fc.tuple(rightRequest(subject), faultsOf(subject)).map(([right, fault]) => fault(right));
}
