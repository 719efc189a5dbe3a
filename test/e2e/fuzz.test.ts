import { randomInt } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readDocument } from "../../scripts/fuzz/operations.ts";
import { fuzz } from "../../scripts/fuzz/run.ts";
import { closeConnections } from "../../scripts/fuzz/send.ts";
import { fuzzSequences } from "../../scripts/fuzz/sequences.ts";
import { type Service, startService } from "../../scripts/fuzz/service.ts";
import { World } from "../../scripts/fuzz/world.ts";
import type { OpenApiDocument } from "../../scripts/openapi/types.ts";

const CASES = 150;
const SEQUENCES = 6;

describe("the service as the OpenAPI document describes it", () => {
  let service: Service;
  let world: World;
  let document: OpenApiDocument;

  beforeAll(async () => {
    document = await readDocument();
    service = await startService();
    world = await World.open(service);
  });
  afterAll(async () => {
    closeConnections();
    await service?.stop();
  });

  it("serves the very document that is in docs/", async () => {
    expect(await (await fetch(`${service.url}/api/docs/openapi.json`)).json()).toEqual(document);
  });

  it("answers right, nearly right and hostile requests for every operation as documented, with a yes and a no for each", async () => {
    const { findings, coverage, endpoints } = await fuzz(document, world, { cases: CASES, seed: 20261130 });
    expect(findings, service.logText()).toEqual([]);
    expect(coverage.gaps(endpoints)).toEqual([]);
    expect(coverage.total).toBeGreaterThanOrEqual(endpoints.length * 4);
  });

  it("does so for requests that nobody has chosen", async () => {
    const seed = randomInt(1_000_000_000);
    console.log(`fuzzed with seed ${seed}; again: npm run fuzz -- --seed ${seed}`);
    const { findings } = await fuzz(document, world, { cases: CASES, seed });
    expect(findings, `seed ${seed}`).toEqual([]);
    expect(await fuzzSequences(world, { runs: SEQUENCES, seed }), `seed ${seed}`).toEqual([]);
  });

  it("keeps its word over whole lives of users: sign-up, uploads, conversions, deletion, and after", async () => {
    expect(await fuzzSequences(world, { runs: SEQUENCES, seed: 20261130 })).toEqual([]);
  });
});
