import { describe, expect, inject, it } from "vitest";
import { runConversion } from "../../../src/modules/conversions/jobs.ts";
import { circuitOf } from "../../../src/ports/circuit-breaker.ts";
import { createGeminiGenerator } from "../../../src/providers/gemini/gemini-image-generator.ts";
import { conversionInput } from "../../factories.ts";
import { d1 } from "../support/database.ts";
import { fakeGenerator, workerStage } from "../support/worker.ts";

const baseUrl = inject("geminiFake");
/** Scripts and calls of this model are nobody else's. */
const LITE = "gemini-3.1-flash-lite-image";

function gemini(model: string) {
  const models = { style: model, tryon: model };
  return createGeminiGenerator({ apiKey: "fake-key", baseUrl, gatewayToken: null, models, prices: null });
}

async function script(...scripts: string[]): Promise<void> {
  const body = JSON.stringify(scripts);
  const response = await fetch(`${baseUrl}/__fake/script?model=${LITE}`, { method: "POST", body });
  expect(response.status).toBe(200);
}

it("a model that has been retired is told of once, by name; jobs that allow it fall back, others fail uncharged", async () => {
  const gone = `gemini-0-${crypto.randomUUID().slice(0, 8)}-image`;
  const stage = await workerStage(gemini(gone), fakeGenerator());
  const run = async (fallback: "allow" | "deny") => {
    const id = await stage.newConversion({ input: conversionInput(stage.personImageId, { fallback }) });
    await runConversion(stage.deps, id);
    await stage.background();
    return d1.conversions.inspect(id);
  };
  const fallen = { status: "succeeded", providerUsed: "local", degraded: true };
  const failed = { status: "failed", errorCode: "provider_misconfigured", usage: { state: "released" } };
  expect(await run("allow")).toMatchObject(fallen);
  expect(await run("allow")).toMatchObject(fallen);
  expect(await run("deny")).toMatchObject(failed);
  const about = circuitOf("gemini", gone);
  expect(stage.alerts).toMatchObject([{ name: "circuit_opened", about, what: expect.stringContaining("config") }]);
  expect(await stage.deps.circuits.state(about)).toMatchObject({ state: "open", reason: "config" });
});

describe("a provider that is slow", () => {
  it.each(["slow-headers", "slow-body"])(
    "with %s is given up in time, within the lease, and asked once more",
    async (slow) => {
      await script(slow, "ok");
      const stage = await workerStage(gemini(LITE));
      const { config } = stage.deps;
      const conversions = { ...config.conversions, providerTimeoutMs: 800 };
      const impatient = { ...stage.deps, config: { ...config, conversions } };
      const id = await stage.newConversion();
      const startedAt = Date.now();
      const run = runConversion(impatient, id);
      await expect.poll(async () => (await d1.conversions.inspect(id))?.stage).toBe("generating");
      // The job is held meanwhile: another message finds nothing to take.
      await runConversion(impatient, id);
      expect(await d1.conversions.inspect(id)).toMatchObject({ attempt: 1 });
      await run;
      expect(Date.now() - startedAt).toBeLessThan(5_000);
      expect(await d1.conversions.inspect(id)).toMatchObject({ status: "queued", attempt: 1, lastFailure: "timeout" });
      stage.advance(2_000);
      await runConversion(stage.deps, id);
      expect(await d1.conversions.inspect(id)).toMatchObject({
        status: "succeeded",
        attempt: 2,
        providerUsed: "gemini",
      });
      const calls = await stage.deps.calls.ofConversion(id);
      expect(calls.map(({ outcome }) => outcome).sort()).toEqual(["success", "timeout"]);
    },
  );
});
