/** Runs generated requests against a service and looks at every answer. */
import fc from "fast-check";
import type { OpenApiDocument } from "../openapi/types.ts";
import { type Kind, requestsOf } from "./cases.ts";
import { Checker } from "./check.ts";
import { Coverage } from "./coverage.ts";
import { toCurl } from "./curl.ts";
import { dispatch } from "./dispatch.ts";
import { type Endpoint, readOperations } from "./operations.ts";
import type { FuzzRequest } from "./request.ts";
import { send } from "./send.ts";
import { type Subject, subjectOf } from "./subject.ts";
import type { World } from "./world.ts";

export interface FuzzOptions {
  /** Requests in all, about: each operation gets a few of each kind at the least. */
  readonly cases: number;
  readonly seed: number;
  /** Only operations of these ids; all when empty. */
  readonly only?: readonly string[];
  readonly onProgress?: (done: number, total: number) => void;
}

export interface Finding {
  readonly operationId: string;
  readonly about: string;
  readonly problems: readonly string[];
  readonly curl: string;
  readonly answer: string;
}

export interface FuzzReport {
  readonly findings: readonly Finding[];
  readonly coverage: Coverage;
  readonly endpoints: readonly Endpoint[];
}

const PARALLEL = 4;
const SHOWN_BYTES = 600;
/** Of ten requests. */
const SHARES: Readonly<Record<Kind, number>> = { right: 3, near: 5, hostile: 2 };
const LEAST: Readonly<Record<Kind, number>> = { right: 1, near: 2, hostile: 1 };

class Found extends Error {
  readonly finding: Finding;

  constructor(finding: Finding) {
    super(finding.problems.join("; "));
    this.finding = finding;
  }
}

interface Run {
  readonly world: World;
  readonly checker: Checker;
  readonly coverage: Coverage;
}

/** Once more when a connection breaks: one that was kept open may have been closed just then. */
async function twice<T>(attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch {
    return attempt();
  }
}

/** Sends one request. @throws {Found} when something about the answer is wrong, or none comes. */
async function tryOut({ world, checker, coverage }: Run, { endpoint, plan }: Subject, request: FuzzRequest) {
  const { sent, token } = await twice(() => dispatch(world, endpoint, plan.who, request));
  const [operationId, about, curl] = [endpoint.id, request.about, toCurl(sent, token)];
  const answer = await twice(() => send(sent)).catch((error: Error) => {
    throw new Found({ operationId, about, curl, problems: [`no answer: ${error.message}`], answer: "none" });
  });
  coverage.add(operationId, answer.status);
  const problems = checker.problems({ endpoint, request, sent, answer });
  if (problems.length === 0) return;
  const text = `${answer.status} ${answer.body.toString().slice(0, SHOWN_BYTES)}`;
  throw new Found({ operationId, about, curl, problems, answer: text });
}

/** A number of its own for each operation and kind, so that one of them alone is asked the same again. */
function seedOf(seed: number, name: string): number {
  let hash = seed | 0;
  for (const unit of name) hash = (Math.imul(hash, 31) + (unit.codePointAt(0) ?? 0)) | 0;
  return hash;
}

/** What every operation is asked first: something it refuses. */
function refused(subject: Subject, seed: number): FuzzRequest {
  const [right] = fc.sample(requestsOf(subject, "right"), { numRuns: 1, seed }) as [FuzzRequest];
  const { endpoint } = subject;
  if (endpoint.operation.security.some((scheme) => "bearer" in scheme)) {
    return { ...right, query: [], auth: "none", expect: [401], about: "authorization: none" };
  }
  return { ...right, method: "PROPFIND", body: null, expect: [405], about: "PROPFIND where it is not taken" };
}

async function fuzzOperation(run: Run, subject: Subject, kind: Kind, runs: number, seed: number): Promise<Finding[]> {
  let last: unknown;
  const property = fc.asyncProperty(requestsOf(subject, kind), async (request) => {
    try {
      await tryOut(run, subject, request);
    } catch (error) {
      last = error;
      throw error;
    }
  });
  const numRuns = Math.max(runs, LEAST[kind]);
  const ownSeed = seedOf(seed, `${subject.endpoint.id} ${kind}`);
  const examples: [FuzzRequest][] = kind === "near" ? [[refused(subject, ownSeed)]] : [];
  const details = await fc.check(property, { numRuns, seed: ownSeed, examples });
  if (!details.failed) return [];
  if (last instanceof Found) return [last.finding];
  throw last;
}

/** Those of the document that can be called here: what is for admins needs one. */
export function endpointsOf(document: OpenApiDocument, world: World, only: readonly string[] = []): Endpoint[] {
  const all = readOperations(document).filter(({ id }) => only.length === 0 || only.includes(id));
  return world.hasAdmin ? all : all.filter(({ operation }) => operation["x-role"] !== "admin");
}

/** Asks every operation for things right, nearly right and hostile. */
export async function fuzz(document: OpenApiDocument, world: World, options: FuzzOptions): Promise<FuzzReport> {
  const endpoints = endpointsOf(document, world, options.only);
  const subjects = endpoints.map((endpoint) => subjectOf(document, endpoint));
  const coverage = new Coverage();
  const run: Run = { world, coverage, checker: new Checker(document, world.service.secrets) };
  const weights = subjects.reduce((sum, { plan }) => sum + (plan.weight ?? 1), 0);
  const findings: Finding[] = [];
  const waiting = [...subjects];
  const worker = async () => {
    for (let subject = waiting.shift(); subject !== undefined; subject = waiting.shift()) {
      // One after the other: two changes of one thing at a time would each find the other's.
      for (const kind of ["right", "near", "hostile"] as const) {
        const share = ((subject.plan.weight ?? 1) / weights) * (SHARES[kind] / 10);
        findings.push(...(await fuzzOperation(run, subject, kind, Math.round(options.cases * share), options.seed)));
        options.onProgress?.(coverage.total, options.cases);
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return { findings, coverage, endpoints };
}
