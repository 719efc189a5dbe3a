import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { requestsOf } from "./cases.ts";
import { Coverage } from "./coverage.ts";
import { toCurl } from "./curl.ts";
import { readDocument, readOperations } from "./operations.ts";
import { PLANS } from "./plans.ts";
import type { FuzzRequest } from "./request.ts";
import { Schemas } from "./schemas.ts";
import { subjectOf } from "./subject.ts";

const document = await readDocument();
const endpoints = readOperations(document);
const subjects = endpoints.map((endpoint) => subjectOf(document, endpoint));
const schemas = new Schemas(document);

/** What names stand for when it is only about the form of a value. */
const FORMS: readonly (readonly [RegExp, string])[] = [
  [/^\{\{phone\.\w+\}\}$|^\{\{otp\.phone\}\}$/, "09121234567"],
  [/^\{\{otp\.challenge\}\}$/, "chl_01KBTESTTESTTESTTESTTESTTE"],
  [/^\{\{otp\.code\}\}$/, "123456"],
];

function formOf(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, part: unknown) => {
    const known = typeof part === "string" ? FORMS.find(([name]) => name.test(part)) : undefined;
    return known === undefined ? part : known[1];
  });
}

/** What the document says of a request's JSON body: null when it is right, undefined when there is none to judge. */
function verdict(request: FuzzRequest): string | null | undefined {
  const endpoint = endpoints.find(({ id }) => id === request.operationId);
  const schema = endpoint?.operation.requestBody?.content["application/json"]?.schema;
  if (schema === undefined || request.body?.kind !== "json") return undefined;
  return schemas.problemOf(schema, formOf(request.body.value));
}

describe("generated requests", () => {
  it("there is a plan for every operation of the document, and for no other", () => {
    expect(Object.keys(PLANS).sort()).toEqual(endpoints.map(({ id }) => id).sort());
  });

  it("right ones have bodies that the document accepts", () => {
    for (const subject of subjects) {
      for (const request of fc.sample(requestsOf(subject, "right"), { numRuns: 40, seed: 1 })) {
        expect(verdict(request) ?? null, `${request.operationId} ${JSON.stringify(request.body)}`).toBeNull();
      }
    }
  });

  it("nearly right ones that are due a 422 for their JSON have bodies that the document refuses", () => {
    let judged = 0;
    for (const subject of subjects) {
      const requests = fc.sample(requestsOf(subject, "near"), { numRuns: 120, seed: 2 });
      for (const request of requests.filter(({ expect: due }) => due?.length === 1 && due[0] === 422)) {
        const problem = verdict(request);
        if (problem === undefined || request.headers.length > 0 || request.query.length > 0) continue;
        judged++;
        expect(problem, `${request.about}: ${JSON.stringify(request.body)}`).not.toBeNull();
      }
    }
    expect(judged).toBeGreaterThan(200);
  });

  it("are the same for the same seed, and others for another", () => {
    const [subject] = subjects.filter(({ endpoint }) => endpoint.id === "createConversion");
    if (subject === undefined) throw new Error("there is no createConversion");
    const made = (seed: number) => JSON.stringify(fc.sample(requestsOf(subject, "near"), { numRuns: 30, seed }));
    expect(made(7)).toBe(made(7));
    expect(made(7)).not.toBe(made(8));
  });
});

describe("what a run tells", () => {
  it("names an operation that never said yes, or never no", () => {
    const coverage = new Coverage();
    coverage.add("getHealth", 200);
    coverage.add("getStatus", 405);
    const some = endpoints.filter(({ id }) => id === "getHealth" || id === "getStatus");
    expect(coverage.gaps(some).sort()).toEqual([
      "getHealth was never answered with a 4xx",
      "getStatus was never answered with a 2xx",
    ]);
    expect(coverage.table(some)).toContain("getHealth");
  });

  it("shows a request as a command whose quotes hold, without the token", () => {
    const headers = [
      ["Authorization", "Bearer secret-token"],
      ["X-Note", "it's"],
    ] as const;
    const url = "http://127.0.0.1/api/users/me";
    const curl = toCurl({ method: "PATCH", url, headers, body: Buffer.from(`{"name":"a'b"}`) }, "secret-token");
    expect(curl).not.toContain("secret-token");
    expect(curl).toContain(`-H "Authorization: Bearer $TOKEN"`);
    expect(curl).toContain(`'X-Note: it'\\''s'`);
    expect(curl).toContain(`--data-binary '{"name":"a'\\''b"}'`);
  });
});
