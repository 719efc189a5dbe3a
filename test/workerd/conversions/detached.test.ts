import { expect, it } from "vitest";
import { runConversion } from "../../../src/modules/conversions/jobs.ts";
import { consumeDetached } from "../../../src/queues/conversions.consumer.ts";
import type { Delivery } from "../../../src/queues/dispatch.ts";
import { d1 } from "../support/database.ts";
import { fakeGenerator, workerStage } from "../support/worker.ts";

function deliveryOf(conversionId: string) {
  const answers: string[] = [];
  const delivery: Delivery = {
    id: crypto.randomUUID(),
    body: { v: 1, type: "conversion.run", conversionId },
    attempts: 1,
    ack: () => void answers.push("ack"),
    retry: () => void answers.push("retry"),
  };
  return { delivery, answers };
}

it("a slow job on this machine's queue holds no other one up", async () => {
  const stage = await workerStage(fakeGenerator());
  const gate = Promise.withResolvers<void>();
  const [slow, quick] = [await stage.newConversion(), await stage.newConversion()];
  const generator = fakeGenerator(async (request, options) => {
    if (request.conversionId === slow) await gate.promise;
    return fakeGenerator().generate(request, options);
  });
  const deps = {
    ...stage.deps,
    generators: new Map([["local" as const, generator]]),
    withRoom: <T>(job: () => Promise<T>) => job(),
  };
  const [first, second] = [deliveryOf(slow), deliveryOf(quick)];
  consumeDetached(deps, "ai-styler-conversions", first.delivery);
  consumeDetached(deps, "ai-styler-conversions", second.delivery);
  expect([first.answers, second.answers]).toEqual([["ack"], ["ack"]]);
  const statusOf = async (id: string) => (await d1.conversions.find(stage.userId, id))?.status;
  await expect.poll(() => statusOf(quick)).toBe("succeeded");
  expect(await statusOf(slow)).toBe("processing");
  gate.resolve();
  await expect.poll(() => statusOf(slow)).toBe("succeeded");
});

it("a message whose job the machinery failed comes again", async () => {
  const stage = await workerStage(fakeGenerator());
  const id = await stage.newConversion();
  const conversions = { ...stage.deps.conversions, claim: () => Promise.reject(new Error("D1 is down")) };
  const deps = { ...stage.deps, conversions, withRoom: <T>(job: () => Promise<T>) => job() };
  const { delivery, answers } = deliveryOf(id);
  consumeDetached(deps, "ai-styler-conversions", delivery);
  await expect.poll(() => stage.sent).toEqual([{ id, delaySeconds: 2 }]);
  expect(answers).toEqual(["ack"]);
  await runConversion(stage.deps, id);
  expect((await d1.conversions.find(stage.userId, id))?.status).toBe("succeeded");
});
