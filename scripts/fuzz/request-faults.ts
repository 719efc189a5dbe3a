/** One thing wrong with what is around a body: address, query, headers, credentials. */
import fc from "fast-check";
import type { Endpoint } from "./operations.ts";
import type { Auth, FuzzRequest, Pair } from "./request.ts";
import { type Fault, goodStatuses, type Subject } from "./subject.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] as const;

function fault(about: string, expect: readonly number[] | null, make: (right: FuzzRequest) => FuzzRequest): Fault {
  return fc.constant((right: FuzzRequest) => ({ ...make(right), expect, about }));
}

const UNAUTHENTICATED: readonly Auth[] = [
  "none",
  "empty",
  "basic",
  "garbage",
  "tampered",
  "unsigned",
  "ended",
  "long",
  "twice",
];

/** A signed url needs no token, and is refused for another picture before anybody looks for that. */
function unsigned({ query }: FuzzRequest): readonly Pair[] {
  return query.filter(([name]) => name !== "sig" && name !== "exp");
}

function authFaults({ endpoint, plan }: Subject): Fault[] {
  if (!endpoint.operation.security.some((scheme) => "bearer" in scheme)) return [];
  // Logging out works with the token of a session that has ended, too.
  const kinds = UNAUTHENTICATED.filter((auth) => auth !== "ended" || endpoint.id !== "logout");
  const refused = fc.constantFrom(...kinds).map((auth) => (right: FuzzRequest) => ({
    ...right,
    query: unsigned(right),
    auth,
    expect: [401],
    about: `authorization: ${auth}`,
  }));
  const role = fault("the token of a user who is no admin", [403], (right) => ({ ...right, auth: "wrong-role" }));
  return plan.who === "admin" ? [refused, role] : [refused];
}

const withHeader = (right: FuzzRequest, pair: Pair): FuzzRequest => ({ ...right, headers: [...right.headers, pair] });

/** Headers everybody may send, and whatever they hold the request is right. */
const ODD_HEADERS: readonly Pair[] = [
  ["X-Request-Id", "short"],
  ["X-Request-Id", "a".repeat(65)],
  ["X-Request-Id", "right-one_0123"],
  ["X-Request-Id", "with space here"],
  ["traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
  ["traceparent", "00-00000000000000000000000000000000-0000000000000000-00"],
  ["traceparent", "nonsense"],
  ["tracestate", "a=b,c=d"],
  ["Accept", "text/html"],
  ["Accept", "*/*;q=0"],
  ["Accept-Language", "fa-IR"],
  ["Origin", "null"],
  ["Origin", "https://evil.example"],
  ["X-Forwarded-For", "127.0.0.1"],
  ["X-HTTP-Method-Override", "DELETE"],
  ["Cookie", "session=1; __Host-a=b"],
  ["Device-Token", "x".repeat(500)],
  ["Forwarded", 'for="[::1]"'],
  ["Expect-CT", "x"],
  ["If-Modified-Since", "never"],
];

/** Values for headers that only some operations take, with the statuses they add to the good ones. */
const OWN_HEADERS: readonly (readonly [name: string, value: string, adds: readonly number[]])[] = [
  ["If-None-Match", "*", [304]],
  ["If-None-Match", '"nothing-like-it"', []],
  ["If-None-Match", 'W/"v1", "v2"', [304]],
  ["If-None-Match", "unquoted", []],
  ["If-Match", "*", []],
  ["If-Match", '"v999999"', [412]],
  ["If-Match", "nonsense", [412]],
  ["Range", "bytes=0-9", [206]],
  ["Range", "bytes=-5", [206]],
  ["Range", "bytes=99999999-", [416]],
  ["Range", "bytes=5-2", []],
  ["Range", "bytes=0-1,3-4", []],
  ["Range", "lines=1-2", []],
  ["Range", `bytes=${"9".repeat(40)}-`, []],
  ["If-Range", '"other"', []],
  ["Idempotency-Key", "k".repeat(256), [422]],
  ["Idempotency-Key", "{{phone.new}}", []],
  ["Prefer", "wait=0", []],
  ["Prefer", "wait=-1", []],
  ["Prefer", "wait=1", []],
  ["Prefer", 'respond-async, wait="1"', []],
  ["Prefer", "return=minimal", []],
];

function headerFaults(subject: Subject): Fault[] {
  const { endpoint } = subject;
  const taken = new Set(endpoint.parameters.filter(({ in: place }) => place === "header").map(({ name }) => name));
  const odd = fc.constantFrom(...ODD_HEADERS).map((pair) => (right: FuzzRequest) => ({
    ...withHeader(right, pair),
    about: `${pair[0]}: ${pair[1]}`,
  }));
  const own = OWN_HEADERS.filter(([name]) => taken.has(name));
  if (own.length === 0) return [odd];
  const special = fc.constantFrom(...own).map(([name, value, adds]) => (right: FuzzRequest) => ({
    ...withHeader(right, [name, value]),
    expect: [...goodStatuses(subject), ...adds],
    about: `${name}: ${value}`,
  }));
  return [odd, special];
}

/** Values a parameter of the query can't have, by its name. */
const WRONG_QUERY: Readonly<Record<string, readonly string[]>> = {
  limit: ["0", "101", "-1", "abc", "1.5", "٥", "NaN", "9".repeat(30), ""],
  kind: ["nonsense", "", "STYLE"],
  status: ["nonsense", ""],
  role: ["root"],
  outcome: ["maybe"],
  action: ["user.nothing"],
  variant: ["huge", ""],
  from: ["yesterday", "2026-13-01"],
  to: ["tomorrow", "2026-02-30"],
};
const WRONG_CURSORS = ["x", "bm90IG91cnM", "e30", "WyJhIiwiYiJd", "..", "{{cursor.images}}A"];

function queryFaults(subject: Subject): Fault[] {
  const { endpoint } = subject;
  const names = endpoint.parameters.filter(({ in: place }) => place === "query").map(({ name }) => name);
  const isUser = endpoint.operation["x-role"] !== "admin";
  const wrong = names.flatMap((name) => (WRONG_QUERY[name] ?? []).map((value): Pair => [name, value]));
  const faults: Fault[] = [
    fault("a query parameter that is not known", goodStatuses(subject), (right) => ({
      ...right,
      query: [...right.query, ["debug", "1"]],
    })),
  ];
  if (wrong.length > 0) {
    faults.push(
      fc.constantFrom(...wrong).map((pair) => (right: FuzzRequest) => ({
        ...right,
        query: [pair],
        expect: [422],
        about: `${pair[0]} is "${pair[1]}"`,
      })),
    );
    faults.push(
      fc.constantFrom(...wrong).map((pair) => (right: FuzzRequest) => ({
        ...right,
        query: [...right.query.filter(([name]) => name === pair[0]), pair, pair],
        expect: [...goodStatuses(subject), 422],
        about: `${pair[0]} given twice`,
      })),
    );
  }
  if (names.includes("cursor") && isUser) {
    faults.push(
      fc.constantFrom(...WRONG_CURSORS).map((cursor) => (right: FuzzRequest) => ({
        ...right,
        query: [["cursor", cursor]],
        expect: [400],
        about: "a cursor that was not issued",
      })),
    );
  }
  return faults;
}

function pathFaults({ endpoint, plan }: Subject): Fault[] {
  const foreign = (plan.foreign ?? []).map((params) =>
    fault("what is not there, or not the caller's", [404], (right) => ({
      ...right,
      params,
      query: unsigned(right),
    })),
  );
  if (foreign.length === 0) return [];
  const names = Object.keys(plan.params ?? {});
  const odd = fc
    .constantFrom(
      "x",
      "img_",
      "a".repeat(2000),
      "null",
      "%2e%2e",
      "سلام",
      "img_%00",
      "0",
      "{}",
      "a b",
      "a;b",
      "a?b",
      "a#b",
    )
    .map((value) => (right: FuzzRequest) => ({
      ...right,
      params: { ...right.params, ...Object.fromEntries(names.slice(-1).map((name) => [name, value])) },
      query: unsigned(right),
      expect: [404],
      about: `an id like "${value.slice(0, 20)}"`,
    }));
  return [
    ...foreign,
    endpoint.path.endsWith("}") || names.length > 0 ? odd : fc.constant((right: FuzzRequest) => right),
  ];
}

function methodFaults(endpoint: Endpoint): Fault[] {
  const others = METHODS.filter((method) => !endpoint.allowed.includes(method));
  const head = fault("HEAD", null, (right) => ({ ...right, method: "HEAD" }));
  const other = fc.constantFrom(...others).map((method) => (right: FuzzRequest) => ({
    ...right,
    method,
    body: null,
    expect: [405],
    about: `${method} where it is not taken`,
  }));
  return endpoint.method === "GET" ? [other, head] : [other];
}

export function requestFaults(subject: Subject): Fault {
  return fc.oneof(
    ...authFaults(subject),
    ...headerFaults(subject),
    ...queryFaults(subject),
    ...pathFaults(subject),
    ...methodFaults(subject.endpoint),
  );
}
