import { expect, it } from "vitest";
import { createD1StageTimings } from "../../../src/db/d1/repositories/stage-timings.ts";
import { db } from "../support/database.ts";

const timings = createD1StageTimings(db);
const all = (ms: number) => ({ fetching: ms, generating: ms, encoding: ms, storing: ms });

it("takes the first sample as it is, and an eighth of the way to each one after it", async () => {
  expect(await timings.find("style", "gemini")).toBeNull();
  const first = { fetching: 100, generating: 8_000, encoding: 40, storing: 0 };
  await timings.record("style", "gemini", first, 1);
  expect(await timings.find("style", "gemini")).toEqual(first);
  await timings.record("style", "gemini", { fetching: 180, generating: 0, encoding: 40, storing: 8 }, 2);
  expect(await timings.find("style", "gemini")).toEqual({ fetching: 110, generating: 7_000, encoding: 40, storing: 1 });
});

it("keeps kinds and providers apart", async () => {
  await timings.record("tryon", "local", all(1_000), 1);
  await timings.record("tryon", "workers-ai", all(5_000), 1);
  expect(await timings.find("tryon", "local")).toEqual(all(1_000));
  expect(await timings.find("tryon", "workers-ai")).toEqual(all(5_000));
  expect(await timings.find("style", "local")).toBeNull();
});

it("loses no sample of many at once, and comes close to what they say", async () => {
  await Promise.all(Array.from({ length: 60 }, () => timings.record("style", "workers-ai", all(2_000), 1)));
  expect(await timings.find("style", "workers-ai")).toEqual(all(2_000));
  await Promise.all(Array.from({ length: 60 }, () => timings.record("style", "workers-ai", all(10_000), 2)));
  expect((await timings.find("style", "workers-ai"))?.generating).toBeGreaterThan(9_950);
});
