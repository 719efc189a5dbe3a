import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toInvocation } from "./trace-items.ts";

const item = {
  event: { request: { method: "GET", url: "https://x/" } },
  eventTimestamp: 1_700_000_000_000,
  logs: [],
  exceptions: [],
  scriptName: "ai-styler-api",
  outcome: "ok",
  cpuTime: 12,
  wallTime: 34,
};

describe("toInvocation", () => {
  it("tells an invocation in the service's terms", () => {
    const given = {
      ...item,
      entrypoint: "UserSessions",
      durableObjectId: "a".repeat(64),
      outcome: "exceededCpu",
      logs: [{ timestamp: 1_700_000_000_005, level: "warn", message: ["one", { two: 2 }, 3, null, undefined] }],
      exceptions: [{ timestamp: 1_700_000_000_006, name: "TypeError", message: "of +989121234567" }],
    };
    expect(toInvocation(given)).toEqual({
      worker: "api",
      trigger: "fetch",
      entrypoint: "UserSessions",
      durableObjectId: "a".repeat(64),
      outcome: "exceededCpu",
      cpuMs: 12,
      wallMs: 34,
      at: 1_700_000_000_000,
      logs: [{ at: 1_700_000_000_005, level: "warn", text: 'one {"two":2} 3 null undefined' }],
      exceptions: [{ at: 1_700_000_000_006, name: "TypeError" }],
    });
  });

  it.each([
    ["fetch", { request: {} }],
    ["rpc", { rpcMethod: "hash" }],
    ["queue", { queue: "ai-styler-sms", batchSize: 1 }],
    ["scheduled", { cron: "* * * * *", scheduledTime: 1 }],
    ["alarm", { scheduledTime: new Date(1) }],
    ["tail", { consumedEvents: [] }],
    ["other", { mailFrom: "a@b" }],
    ["other", null],
  ] as const)("knows what started it: %s", (trigger, event) => {
    expect(toInvocation({ ...item, event }).trigger).toBe(trigger);
  });

  it("knows an event by what its prototype has, for the platform's objects have getters", () => {
    class QueueEvent {
      get queue() {
        return "ai-styler-sms";
      }
    }
    expect(toInvocation({ ...item, event: new QueueEvent() }).trigger).toBe("queue");
  });

  it("knows whose invocation it was where `wrangler dev` names no script", () => {
    const local = (...message: unknown[]) => {
      const { worker, logs } = toInvocation({
        ...item,
        scriptName: null,
        logs: [{ timestamp: 1, level: "log", message }],
      });
      return [worker, logs[0]?.text];
    };
    expect(local("[ai-styler-consumer]", "{}")).toEqual(["consumer", "{}"]);
    expect(local("[undefined]", "a", 1)).toEqual(["api", "a 1"]);
    expect(local("[undefined]")).toEqual(["unknown", "[undefined]"]);
    expect(local("[other]", "x")).toEqual(["unknown", "[other] x"]);
    const deployed = { ...item, logs: [{ timestamp: 1, level: "log", message: ["[ai-styler-consumer]", "x"] }] };
    expect(toInvocation(deployed)).toMatchObject({ worker: "api", logs: [{ text: "[ai-styler-consumer] x" }] });
  });

  it("gives every field a usable value, and throws for no shape at all", () => {
    const hostile = fc.anything({ withBigInt: true, withNullPrototype: true, withObjectString: true, maxDepth: 3 });
    const shape = fc.record(
      {
        event: fc.oneof(hostile, fc.constant(item.event)),
        eventTimestamp: hostile,
        logs: fc.oneof(hostile, fc.array(fc.oneof(hostile, fc.record({ timestamp: hostile, message: hostile })))),
        exceptions: fc.oneof(hostile, fc.array(fc.oneof(hostile, fc.record({ name: hostile, timestamp: hostile })))),
        scriptName: fc.oneof(hostile, fc.string()),
        outcome: fc.oneof(hostile, fc.string()),
        cpuTime: fc.oneof(hostile, fc.double()),
        wallTime: fc.oneof(hostile, fc.double()),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(shape, hostile), (given) => {
        const invocation = toInvocation(given);
        for (const text of [invocation.worker, invocation.outcome]) expect(text).toMatch(/^[\w.$-]{1,64}$/);
        for (const number of [invocation.at, invocation.cpuMs, invocation.wallMs]) {
          expect(number).toBeGreaterThanOrEqual(0);
          expect(number).toBeLessThanOrEqual(4e12);
        }
        for (const log of invocation.logs) expect(typeof log.text).toBe("string");
      }),
      { numRuns: 500 },
    );
  });

  it("takes arguments that can't be written down", () => {
    const round: Record<string, unknown> = {};
    round.self = round;
    const message = [round, 1n, Symbol("s"), Object.create(null), { toJSON: () => 1n }];
    const { logs } = toInvocation({ ...item, logs: [{ timestamp: 1, level: "log", message }] });
    expect(logs).toEqual([{ at: 1, level: "log", text: "[object] [bigint] Symbol(s) {} [object]" }]);
  });
});
