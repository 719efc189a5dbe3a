import { describe, expect, it } from "vitest";
import { ERRORS, type ErrorCode } from "../../src/kernel/error-registry.ts";
import { Checker, type Exchange } from "./check.ts";
import { readDocument, readOperations } from "./operations.ts";
import type { Answer, FuzzRequest } from "./request.ts";

const document = await readDocument();
const endpoints = new Map(readOperations(document).map((endpoint) => [endpoint.id, endpoint]));
const SECRET = "a-secret-of-the-deployment-0123456789";
const checker = new Checker(document, [SECRET]);

const COMMON = {
  "x-request-id": "right-one_0123",
  traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "strict-transport-security": "max-age=31536000; includeSubDomains",
  "content-security-policy": "default-src 'none'",
  vary: "Origin",
};
const USER = {
  id: "usr_01KBTESTTESTTESTTESTTESTTE",
  phone: "+989121234567",
  name: "Sara",
  bio: null,
  locale: null,
  role: "user",
  createdAt: "2026-11-01T00:00:00.000Z",
  updatedAt: "2026-11-01T00:00:00.000Z",
};

function exchange(
  operationId: string,
  answer: Partial<Omit<Answer, "body">> & { body?: unknown },
  json?: object,
): Exchange {
  const endpoint = endpoints.get(operationId);
  if (endpoint === undefined) throw new Error(`there is no ${operationId}`);
  const request: FuzzRequest = {
    operationId,
    method: endpoint.method,
    params: {},
    query: [],
    headers: [],
    auth: "valid",
    body: json === undefined ? null : { kind: "json", value: json },
    expect: null,
    about: "a test",
  };
  const body = answer.body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(answer.body));
  const url = `http://127.0.0.1${endpoint.path}`;
  const sent = { method: endpoint.method, url, headers: [], body: json ? Buffer.from(JSON.stringify(json)) : null };
  const headers = { "content-type": "application/json", ...COMMON, ...answer.headers };
  return { endpoint, request, sent, answer: { status: answer.status ?? 200, headers, body } };
}

function problem(code: ErrorCode, more: object = {}) {
  const { status, title, detail } = ERRORS[code];
  return {
    type: `urn:ai-styler:error:${code}`,
    title,
    status,
    detail,
    code,
    requestId: COMMON["x-request-id"],
    ...more,
  };
}

const refusal = (operationId: string, code: ErrorCode, more: object = {}, headers: Record<string, string> = {}) =>
  exchange(operationId, {
    status: ERRORS[code].status,
    headers: { "content-type": "application/problem+json", ...headers },
    body: problem(code, more),
  });
const bearer = { "www-authenticate": "Bearer" };
const me = (headers: Record<string, string> = {}, body: object = USER) =>
  exchange("getMe", { status: 200, headers: { etag: '"abc"', ...headers }, body });

describe("a sound answer", () => {
  it.each([
    ["a resource", me()],
    ["a refusal", refusal("getMe", "unauthenticated", {}, bearer)],
    [
      "an invalid value",
      refusal("listImages", "validation_failed", { errors: [{ path: "limit", code: "x", message: "y" }] }),
    ],
    ["no content", exchange("logout", { status: 204, headers: {} })],
    ["an accepted change", exchange("updateMe", { headers: { etag: '"abc"' }, body: USER }, { name: "  Sara " })],
  ])("is nothing to complain of: %s", (_, sound) => {
    expect(checker.problems(sound)).toEqual([]);
  });
});

/** `without` takes a header away. */
function without(sound: Exchange, header: string): Exchange {
  const { [header]: _gone, ...headers } = sound.answer.headers;
  return { ...sound, answer: { ...sound.answer, headers } };
}

describe("a planted fault is found:", () => {
  it.each([
    ["a status nobody documented", exchange("getMe", { status: 418, body: {} }), /status 418 is not documented/],
    ["a 500", refusal("getMe", "internal_error"), /failed with 500/],
    ["a field that is missing", me({}, { ...USER, role: undefined }), /off its schema.*role/],
    ["a field nobody knows of", me({}, { ...USER, passwordHash: "x" }), /unevaluated properties/],
    ["a time that is none", me({}, { ...USER, createdAt: "yesterday" }), /off its schema.*date-time/],
    ["another media type", me({ "content-type": "text/html" }), /media type text\/html is not documented/],
    ["a 401 without WWW-Authenticate", refusal("getMe", "unauthenticated"), /WWW-Authenticate is missing/],
    ["a 429 without Retry-After", refusal("login", "rate_limited"), /Retry-After is missing/],
    ["a resource without ETag", without(me(), "etag"), /ETag is missing/],
    ["an answer without its id", without(me(), "x-request-id"), /X-Request-Id is missing/],
    ["a header nobody documented", me({ "retry-after": "3" }), /retry-after is not documented/],
    ["a kept answer", me({ "cache-control": "public" }), /not no-store/],
    ["a foreign origin let in", me({ "access-control-allow-origin": "*" }), /foreign Origin/],
    ["a code that has another status", refusal("getMe", "unauthenticated", { status: 403 }, bearer), /with status 401/],
    [
      "a code the operation does not have",
      refusal("getImage", "conversion_not_found"),
      /conversion_not_found is not documented/,
    ],
    [
      "errors where none belong",
      refusal("getMe", "unauthenticated", { errors: [{ path: "a", code: "b", message: "c" }] }, bearer),
      /belongs to validation_failed/,
    ],
    ["another title", refusal("getMe", "unauthenticated", { title: "Nope" }, bearer), /title of unauthenticated/],
    [
      "a stack",
      refusal("getMe", "unauthenticated", { detail: "at f (file:///srv/app.js:1:2)" }, bearer),
      /stack trace is shown/,
    ],
    ["SQL", refusal("getMe", "unauthenticated", { detail: "SELECT id FROM users WHERE 1" }, bearer), /SQL is shown/],
    [
      "a path of the machine",
      refusal("getMe", "unauthenticated", { detail: "/root/app failed" }, bearer),
      /path of the machine/,
    ],
    ["a secret", me({}, { ...USER, bio: SECRET }), /a secret is shown/],
    [
      "a value that changed on its way",
      exchange("updateMe", { headers: { etag: '"a"' }, body: USER }, { name: "Mina" }),
      /name was sent as "Mina"/,
    ],
    ["a body where there is none", exchange("logout", { status: 204, body: {} }), /204 with a body/],
  ])("%s", (_, faulty, expected) => {
    expect(checker.problems(faulty)).toContainEqual(expect.stringMatching(expected));
  });

  it("another status than the request deserves", () => {
    const sound = me();
    const due = { ...sound, request: { ...sound.request, expect: [422] } };
    expect(checker.problems(due)).toEqual(["200 where 422 was due"]);
  });

  it("an Allow without a method the address takes", () => {
    const refused = refusal("getMe", "method_not_allowed", {}, { allow: "GET, HEAD" });
    expect(checker.problems(refused)).toEqual(['Allow is "GET, HEAD", not GET, PATCH, DELETE, HEAD']);
  });

  it("but not what a client itself said, in the name of a field", () => {
    const field = "/root/SELECT a FROM b WHERE";
    const errors = [{ path: field, code: "unrecognized_key", message: "This field is not known." }];
    const refused = refusal("updateMe", "validation_failed", { errors });
    const body = Buffer.from(JSON.stringify({ [field]: 1 }));
    expect(checker.problems({ ...refused, sent: { ...refused.sent, body } })).toEqual([]);
  });
});
