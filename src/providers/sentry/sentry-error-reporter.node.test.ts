import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CONTEXT, exceptionOf, ReportingIsolate } from "../../../test/support/reporting-isolate.ts";

let isolate: ReportingIsolate;

beforeEach(async () => {
  isolate = await ReportingIsolate.start();
});

afterEach(() => isolate.fake.close());

function thrownInHere(message: string): Error {
  return new RangeError(message);
}

describe("an event", () => {
  it("has what developers need, and not one field more", async () => {
    await isolate.report(thrownInHere("the style has no steps"));
    expect(isolate.fake.refusals).toEqual([]);
    expect(isolate.fake.events).toEqual([
      {
        event_id: expect.stringMatching(/^[0-9a-f]{32}$/),
        timestamp: expect.any(Number),
        platform: "javascript",
        level: "error",
        release: "ai-styler@1.2.3",
        environment: "production",
        server_name: "api",
        transaction: "/api/conversions/{id}",
        exception: {
          values: [
            {
              type: "RangeError",
              value: "the style has no steps",
              mechanism: { type: "generic", handled: false },
              stacktrace: { frames: expect.any(Array) },
            },
          ],
        },
        tags: {
          worker: "api",
          where: "/api/conversions/{id}",
          requestId: "req_01KBTEST",
          traceId: CONTEXT.traceId,
          conversionId: "cnv_01KBTEST",
        },
        // The first 16 digits of `printf usr_01KBTEST | sha256sum`.
        user: { id: "0b60c128d2f71901" },
        contexts: { trace: { trace_id: CONTEXT.traceId, span_id: expect.stringMatching(/^[0-9a-f]{16}$/) } },
        sdk: {
          name: "toucan-js",
          version: "4.1.1",
          integrations: [],
          packages: [{ name: "npm:toucan-js", version: "4.1.1" }],
          settings: { infer_ip: "never" },
        },
      },
    ]);
    expect(isolate.outcomes()).toEqual({ sent: 1, dropped: 0, sampledOut: 0 });
  });

  it("has the stack, the frame that threw last, as the runtime names it", async () => {
    await isolate.report(thrownInHere("x"));
    expect(exceptionOf(isolate.fake.events[0]).stacktrace?.frames.at(-1)).toEqual({
      function: "thrownInHere",
      filename: expect.stringMatching(/sentry-error-reporter\.node\.test\.ts$/),
      module: expect.stringContaining("sentry-error-reporter.node.test"),
      abs_path: expect.stringMatching(/^\/.*\.test\.ts$/),
      lineno: expect.any(Number),
      colno: expect.any(Number),
      in_app: true,
    });
  });

  it("leaves out what is not known", async () => {
    await isolate.report(new Error("x"), { where: "sweep.leases" });
    const [event] = isolate.fake.events;
    expect(event).toMatchObject({ tags: { worker: "api", where: "sweep.leases" } });
    expect(Object.keys(event?.tags as object)).toHaveLength(2);
    expect(event).not.toHaveProperty("user");
    expect(event).not.toHaveProperty("contexts");
  });

  it("carries the key in the query alone, and names no trace or user in its headers", async () => {
    await isolate.report(new Error("x"));
    const [request] = isolate.fake.requests;
    expect(request?.path).toMatch(/^\/api\/42\/envelope\/\?sentry_key=public0key&sentry_version=7&sentry_client=/);
    expect(request?.headers["content-type"]).toBe("application/x-sentry-envelope");
    const header = JSON.parse(request?.body.split("\n", 1)[0] ?? "");
    expect(Object.keys(header).sort()).toEqual(["event_id", "sdk", "sent_at"]);
  });
});

describe("whatever is thrown", () => {
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  const hostile = new Proxy(new Error("x"), {
    get: () => {
      throw new Error("no");
    },
    getPrototypeOf: () => {
      throw new Error("no");
    },
    has: () => {
      throw new Error("no");
    },
    ownKeys: () => {
      throw new Error("no");
    },
  });
  const brokenStack = Object.defineProperty(new Error("x"), "stack", {
    get: () => {
      throw new Error("no");
    },
  });
  const noMessage = Object.assign(new Error(), { message: 5, stack: { at: 1 } });

  it.each<[string, unknown, { type: string; value: string }]>([
    ["a string", "oops", { type: "NonError", value: "string was thrown" }],
    ["undefined", undefined, { type: "NonError", value: "undefined was thrown" }],
    ["null", null, { type: "NonError", value: "object was thrown" }],
    ["a symbol", Symbol("x"), { type: "NonError", value: "symbol was thrown" }],
    ["a bigint", 5n, { type: "NonError", value: "bigint was thrown" }],
    ["a function", () => {}, { type: "NonError", value: "function was thrown" }],
    ["a cyclic object", cyclic, { type: "NonError", value: "object was thrown" }],
    ["an object without prototype", Object.create(null), { type: "NonError", value: "object was thrown" }],
    ["a proxy that throws", hostile, { type: "NonError", value: "something unreadable was thrown" }],
    ["an error whose stack throws", brokenStack, { type: "Error", value: "x" }],
    ["an error whose message is a number", noMessage, { type: "NonError", value: "something unreadable was thrown" }],
    ["an error that says nothing", new Error(), { type: "Error", value: "" }],
    ["a frozen error", Object.freeze(new Error("x")), { type: "Error", value: "x" }],
    [
      "an abort",
      new DOMException("it took too long", "TimeoutError"),
      { type: "TimeoutError", value: "it took too long" },
    ],
  ])("%s is reported", async (_what, thrown, expected) => {
    await isolate.report(thrown);
    expect(isolate.fake.refusals).toEqual([]);
    expect(exceptionOf(isolate.fake.events[0])).toMatchObject(expected);
    expect(isolate.outcomes()).toEqual({ sent: 1, dropped: 0, sampledOut: 0 });
  });

  it("is left as it was", async () => {
    const error = new Error("x");
    const before = Object.getOwnPropertyNames(error);
    await isolate.report(error);
    expect(Object.getOwnPropertyNames(error)).toEqual(before);
  });

  it("is reported, however long its stack and its message", async () => {
    const long = new Error("a b ".repeat(500_000));
    const started = performance.now();
    await isolate.report(long);
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(isolate.fake.requests[0]?.body.length).toBeLessThan(20_000);
    expect(exceptionOf(isolate.fake.events[0]).stacktrace?.frames.length).toBeGreaterThan(0);
  });
});

describe("how much is told", () => {
  it("the same error twice is one event, an equal one another", async () => {
    const errors = isolate.reporter();
    const error = new Error("x");
    errors.report(error, CONTEXT);
    errors.report(error, { ...CONTEXT, where: "another layer" });
    errors.report(new Error("x"), CONTEXT);
    await isolate.settled();
    expect(isolate.fake.events.map((event) => event.transaction)).toEqual([CONTEXT.where, CONTEXT.where]);
    expect(isolate.outcomes()).toEqual({ sent: 2, dropped: 0, sampledOut: 0 });
  });

  it("another request that meets the same error reports it again", async () => {
    const error = new Error("x");
    await isolate.report(error);
    await isolate.report(error);
    expect(isolate.fake.events).toHaveLength(2);
  });

  it("is the share that was asked for, and one error is drawn for once", async () => {
    const draws = [0.1, 0.25, 0.2499, 0.9];
    const errors = isolate.reporter({ sampleRate: 0.25 }, { random: () => draws.shift() ?? 1 });
    const error = new Error("0.1");
    for (const each of [error, error, new Error("0.25"), new Error("0.2499"), new Error("0.9")]) {
      errors.report(each, CONTEXT);
    }
    await isolate.settled();
    expect(isolate.fake.events.map((event) => exceptionOf(event).value).sort()).toEqual(["0.1", "0.2499"]);
    expect(isolate.outcomes()).toEqual({ sent: 2, dropped: 0, sampledOut: 2 });
  });

  it("is all at 1 and nothing at 0", async () => {
    await isolate.report(new Error("x"), CONTEXT, isolate.reporter({}, { random: () => 0.999999 }));
    await isolate.report(new Error("x"), CONTEXT, isolate.reporter({ sampleRate: 0 }, { random: () => 0 }));
    expect(isolate.outcomes()).toEqual({ sent: 1, dropped: 0, sampledOut: 1 });
  });

  it("one invocation makes ten calls at most, an isolate thirty in ten seconds", async () => {
    for (let request = 0; request < 4; request++) {
      const errors = isolate.reporter();
      for (let i = 0; i < 12; i++) errors.report(new Error("x"), CONTEXT);
    }
    await isolate.settled();
    expect(isolate.outcomes()).toEqual({ sent: 30, dropped: 18, sampledOut: 0 });
    isolate.nowMs += 10_000;
    await isolate.report(new Error("x"));
    expect(isolate.outcomes()).toEqual({ sent: 31, dropped: 18, sampledOut: 0 });
  });
});
