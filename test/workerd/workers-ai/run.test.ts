import { eq } from "drizzle-orm";
import { expect, it } from "vitest";
import { images } from "../../../src/db/d1/schema/index.ts";
import { runConversion } from "../../../src/modules/conversions/jobs.ts";
import { inspectImage } from "../../../src/modules/images/jobs.ts";
import { promptFor } from "../../../src/providers/image-models/prompts.ts";
import { finishResult } from "../../../src/providers/image-processing/finish-result.ts";
import { fitInto } from "../../../src/providers/image-processing/fit-into.ts";
import { createJsquashCodec } from "../../../src/providers/jsquash/image-codec.ts";
import { jsquashModules } from "../../../src/providers/jsquash/wasm-modules.ts";
import { createWorkersAiFake } from "../../../src/providers/workers-ai/fake.ts";
import { createWorkersAiGenerator } from "../../../src/providers/workers-ai/workers-ai-image-generator.ts";
import { conversionInput } from "../../factories.ts";
import { QUADRANT_JPEG } from "../../support/pictures.ts";
import { bindings, d1, db, insertImage } from "../support/database.ts";
import { workerStage } from "../support/worker.ts";

const codec = createJsquashCodec(jsquashModules);

/** A worker whose provider is Workers AI, with a circuit of its own. */
async function stageOf() {
  const model = `@cf/test/${crypto.randomUUID()}`;
  const fake = createWorkersAiFake({ codec, models: [model] });
  const generator = createWorkersAiGenerator({
    binding: fake.binding,
    config: { model, gateway: null, priceMicros: 15_000 },
    prompt: promptFor,
    fitInto: (image, maxSide) => fitInto(codec, image, maxSide),
  });
  const stage = await workerStage(generator);
  const processing = { codec, transform: () => Promise.reject(new Error("not needed")) };
  const pictures = {
    ...stage.deps.pictures,
    finish: (...[image, options]: Parameters<typeof stage.deps.pictures.finish>) =>
      finishResult(processing, image, options),
  };
  const garment = await insertImage(stage.userId);
  await stage.deps.objects.create(`images/${stage.userId}/${garment}/original`, QUADRANT_JPEG, { mime: "image/jpeg" });
  await db.update(images).set({ mime: "image/jpeg", width: 96, height: 64 }).where(eq(images.userId, stage.userId));
  const input = conversionInput(stage.personImageId, {
    kind: "tryon",
    garmentImageId: garment,
    category: "tops",
    stylePreset: null,
    outputMime: "image/png",
    providerRequested: "workers-ai",
  });
  return { ...stage, deps: { ...stage.deps, pictures }, fake, model, id: await stage.newConversion({ input }) };
}

it("a form of the runtime brings both pictures, and what comes back is stored in the format that was asked for", async () => {
  const { deps, id, userId, fake, model, background } = await stageOf();
  await runConversion(deps, id);
  await background();
  expect(fake.calls.map(({ form }) => form.pictures.map(({ bytes }) => bytes))).toEqual([
    [QUADRANT_JPEG, QUADRANT_JPEG],
  ]);
  const done = await d1.conversions.find(userId, id);
  expect(done).toMatchObject({ status: "succeeded", providerUsed: "workers-ai", model, degraded: false });
  const stored = await bindings.BUCKET.get(`results/${id}/original`);
  const bytes = new Uint8Array((await stored?.arrayBuffer()) ?? []);
  expect(inspectImage(bytes)).toMatchObject({ ok: true, mime: "image/png", width: 1_248, height: 832 });
  expect(new TextDecoder("latin1").decode(bytes)).toContain("compositeWithTrainedAlgorithmicMedia");
  const [call] = await deps.calls.ofConversion(id);
  expect(call).toMatchObject({ provider: "workers-ai", model, outcome: "success", costMicros: 15_000 });
});

it("a refusal ends the job as blocked, and a day without allocation leaves nothing to pay", async () => {
  const refused = await stageOf();
  refused.fake.script({ error: [3030, "AiError: Input prompt contains NSFW content"] });
  await runConversion(refused.deps, refused.id);
  await refused.background();
  expect(await d1.conversions.find(refused.userId, refused.id)).toMatchObject({
    status: "failed",
    errorCode: "content_blocked",
    usage: { state: "released" },
  });
  const spent = await stageOf();
  spent.fake.script({ error: [3036, "You have used up your daily free allocation of 10,000 neurons."] });
  await runConversion(spent.deps, spent.id);
  await spent.background();
  const [call] = await spent.deps.calls.ofConversion(spent.id);
  expect(call).toMatchObject({ outcome: "quota_day", costMicros: 0 });
});
