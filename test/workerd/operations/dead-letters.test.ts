import { describe, expect, it } from "vitest";
import type { ConversionWorkerDeps } from "../../../src/modules/conversions/jobs.ts";
import { consumeSms } from "../../../src/queues/sms.consumer.ts";
import { withServices } from "../support/auth.ts";
import { d1 } from "../support/database.ts";
import { mortal } from "../support/mortal.ts";
import { fakeGenerator, type WorkerStage, workerStage } from "../support/worker.ts";
import { consume, DEAD_QUEUE, delivery, lettersAbout, QUEUE, runMessage } from "./support.ts";

const find = (stage: WorkerStage, id: string) => d1.conversions.find(stage.userId, id);
const down: ConversionWorkerDeps["deadLetters"]["record"] = () => Promise.reject(new Error("D1 is down"));

function without(stage: WorkerStage, verbs: Partial<ConversionWorkerDeps["deadLetters"]>): ConversionWorkerDeps {
  return { ...stage.deps, deadLetters: { ...stage.deps.deadLetters, ...verbs } };
}

describe("a message the queue gave up on", () => {
  it("ends its conversion, releases its unit, is kept and told of", async () => {
    const stage = await workerStage(fakeGenerator());
    const id = await stage.newConversion();
    const message = delivery(runMessage(id));
    expect(await consume(stage.deps, DEAD_QUEUE, message)).toEqual(["ack"]);
    expect(await find(stage, id)).toMatchObject({ status: "failed", usage: { state: "released" } });
    expect(await lettersAbout(message.id)).toMatchObject([
      {
        id: expect.stringMatching(/^dlt_/),
        queue: DEAD_QUEUE,
        conversionId: id,
        body: JSON.stringify(runMessage(id)),
        attempts: 1,
        outcome: "failed",
        replayedAs: null,
      },
    ]);
    expect(stage.alerts).toMatchObject([{ name: "dead_letter", about: DEAD_QUEUE }]);
  });

  it("delivered twice, also at once, ends it once, is kept once and told of once", async () => {
    const stage = await workerStage(fakeGenerator());
    const id = await stage.newConversion();
    const copies = Array.from({ length: 6 }, () => delivery(runMessage(id), { id: `twice-${id}` }));
    await Promise.all(copies.map((copy) => consume(stage.deps, DEAD_QUEUE, copy)));
    await consume(stage.deps, DEAD_QUEUE, delivery(runMessage(id), { id: `twice-${id}` }));
    expect(copies.map(({ answers }) => answers)).toEqual(copies.map(() => ["ack"]));
    expect(await lettersAbout(`twice-${id}`)).toMatchObject([{ outcome: "failed" }]);
    expect(stage.alerts).toHaveLength(1);
    expect(await d1.quota.usage(stage.userId, "2026-11")).toMatchObject({ used: 0, reserved: 0 });
    expect((await d1.eventsOf(id)).filter(({ type }) => type === "conversion.failed")).toHaveLength(1);
  });

  it("is kept and told of as what it was when it comes again after its worker died, wherever that was", async () => {
    for (let dieAt = 1; dieAt <= 3; dieAt++) {
      for (const dies of ["before", "after"] as const) {
        const stage = await workerStage(fakeGenerator());
        const id = await stage.newConversion();
        const message = delivery(runMessage(id));
        const { deps } = mortal(stage.deps, { dieAt, dies });
        const ended = consume(deps, DEAD_QUEUE, message).then(() => true);
        await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 300))]);
        await consume(stage.deps, DEAD_QUEUE, delivery(runMessage(id), { id: message.id, attempts: 2 }));
        const at = `dies ${dies} call ${dieAt}`;
        expect(await lettersAbout(message.id), at).toMatchObject([{ outcome: "failed", conversionId: id }]);
        expect(stage.alerts.length, at).toBeGreaterThanOrEqual(1);
        expect(await find(stage, id), at).toMatchObject({ status: "failed", usage: { state: "released" } });
      }
    }
  });

  it("comes again where it could not be kept", async () => {
    const stage = await workerStage(fakeGenerator());
    const id = await stage.newConversion();
    const message = delivery(runMessage(id));
    expect(await consume(without(stage, { record: down }), DEAD_QUEUE, message)).toEqual(["retry"]);
    expect(stage.alerts).toEqual([]);
    const again = delivery(runMessage(id), { id: message.id, attempts: 2 });
    expect(await consume(stage.deps, DEAD_QUEUE, again)).toEqual(["ack"]);
    expect(await lettersAbout(message.id)).toMatchObject([{ outcome: "failed", attempts: 2 }]);
  });

  it("does no harm to a conversion that has ended, is at work, or is gone, and is kept all the same", async () => {
    const stage = await workerStage(fakeGenerator());
    const canceled = await stage.newConversion();
    await d1.conversions.cancel(stage.userId, canceled, stage.deps.clock.now());
    const working = await stage.newConversion();
    const claim = { now: stage.deps.clock.now(), leaseMs: 30_000, maxAttempts: 4, attemptsSpent: false };
    await d1.conversions.claim(working, claim);
    for (const [id, status] of [
      [canceled, "canceled"],
      [working, "processing"],
      ["cnv_none", undefined],
    ] as const) {
      const message = delivery(runMessage(id));
      expect(await consume(stage.deps, DEAD_QUEUE, message)).toEqual(["ack"]);
      expect(await lettersAbout(message.id), id).toMatchObject([{ outcome: "ended", conversionId: id }]);
      expect((await find(stage, id))?.status).toBe(status);
    }
  });
});

it("a message of a later version that has more in it is read without that", async () => {
  const stage = await workerStage(fakeGenerator());
  const id = await stage.newConversion();
  const message = delivery({ v: 1, type: "conversion.run", conversionId: id, more: { and: "more" } });
  expect(await consume(stage.deps, QUEUE, message)).toEqual(["ack"]);
  expect(await find(stage, id)).toMatchObject({ status: "succeeded" });
  expect(await lettersAbout(message.id)).toEqual([]);
});

describe("a message nobody can read", () => {
  const cycle: { self?: object } = {};
  cycle.self = cycle;

  it.each<[string, unknown, string]>([
    ["another type's", { v: 1, type: "sms.send", smsId: "sms_1" }, '{"v":1,"type":"sms.send","smsId":"sms_1"}'],
    ["another version's", { v: 2, type: "conversion.run", conversionId: "c" }, '{"v":2,'],
    ["one with less in it", { v: 1, type: "conversion.run" }, '{"v":1,'],
    ["text", "conversion.run", '"conversion.run"'],
    ["nothing", undefined, "undefined"],
    ["null", null, "null"],
    ["a number that JSON has not", 10n, "10"],
    ["a cycle", cycle, "[object Object]"],
    ["half a character", "x\ud83d", '"x\\ud83d"'],
  ])("is acknowledged, kept and told of: %s", async (_what, body, text) => {
    for (const queue of [QUEUE, DEAD_QUEUE]) {
      const stage = await workerStage(fakeGenerator());
      const message = delivery(body);
      expect(await consume(stage.deps, queue, message)).toEqual(["ack"]);
      const [letter] = await lettersAbout(message.id);
      expect(letter).toMatchObject({ queue, outcome: "unreadable", conversionId: null });
      expect(letter?.body.slice(0, text.length)).toBe(text);
      expect(stage.alerts).toMatchObject([{ name: "dead_letter", about: queue }]);
    }
  });

  it("is cut off where it is long, between whole characters", async () => {
    const stage = await workerStage(fakeGenerator());
    const message = delivery(`${"x".repeat(1_998)}🎨${"y".repeat(10_000)}`);
    await consume(stage.deps, QUEUE, message);
    const [letter] = await lettersAbout(message.id);
    expect(letter?.body).toHaveLength(2_000);
    expect(letter?.body.endsWith("x\ufffd")).toBe(true);
  });

  it("comes again while it can't be kept, and goes when it can", async () => {
    const stage = await workerStage(fakeGenerator());
    const message = delivery("?");
    expect(await consume(without(stage, { record: down }), QUEUE, message)).toEqual(["retry"]);
    expect(await lettersAbout(message.id)).toEqual([]);
    const again = delivery("?", { id: message.id, attempts: 2 });
    expect(await consume(stage.deps, QUEUE, again)).toEqual(["ack"]);
    expect(await lettersAbout(message.id)).toHaveLength(1);
  });

  it("is acknowledged by the sender of codes, too, which keeps none", async () => {
    const message = delivery({ v: 1, type: "conversion.run", conversionId: "c" });
    await withServices((services) => consumeSms(services, "test-sms", message));
    expect(message.answers).toEqual(["ack"]);
    expect(await lettersAbout(message.id)).toEqual([]);
  });
});
