import { expect, it } from "vitest";
import { createD1StageTimings } from "../../../src/db/d1/repositories/stage-timings.ts";
import { type ConversionKind, LEASE_MS } from "../../../src/modules/conversions/conversion.ts";
import type { Claim, StoredResult } from "../../../src/modules/conversions/repository.ts";
import type { StageTimes } from "../../../src/modules/conversions/stage-timings.ts";
import type { ProviderId } from "../../../src/ports/image-generator.ts";
import { conversionInput, createConditions, newConversion } from "../../factories.ts";
import { d1, db, insertImage, insertUser } from "../support/database.ts";

const timings = createD1StageTimings(db);
const all = (ms: number): StageTimes => ({ fetching: ms, generating: ms, encoding: ms, storing: ms });

async function claimed(kind: ConversionKind): Promise<Claim> {
  const userId = await insertUser();
  const image = await insertImage(userId);
  const input = conversionInput(image, kind === "tryon" ? { kind, garmentImageId: image } : {});
  const made = newConversion(userId, input);
  const now = made.createdAt;
  expect(await d1.conversions.create(made, createConditions(now))).toEqual({ kind: "created" });
  const claim = await d1.conversions.claim(made.id, { now, leaseMs: LEASE_MS, maxAttempts: 4, attemptsSpent: false });
  if (claim === null) throw new Error("the conversion could not be claimed");
  return claim;
}

function succeed({ lease }: Pick<Claim, "lease">, provider: ProviderId, times: StageTimes | null): Promise<boolean> {
  const result: StoredResult = {
    imageId: `img_${lease.conversionId.slice(4)}`,
    ...{ mime: "image/jpeg", bytes: 10, width: 64, height: 64, sha256: "00" },
    ...{ provider, model: "m", degraded: false },
  };
  return d1.conversions.succeed(lease, result, { now: Date.now(), answerOutboxId: null, times });
}

/** A conversion of the kind that took so long. */
async function took(kind: ConversionKind, provider: ProviderId, times: StageTimes): Promise<void> {
  expect(await succeed(await claimed(kind), provider, times)).toBe(true);
}

it("takes the first sample as it is, and an eighth of the way to each one after it", async () => {
  expect(await timings.find("style", "gemini")).toBeNull();
  const first = { fetching: 100, generating: 8_000, encoding: 40, storing: 0 };
  await took("style", "gemini", first);
  expect(await timings.find("style", "gemini")).toEqual(first);
  await took("style", "gemini", { fetching: 180, generating: 0, encoding: 40.4, storing: 8 });
  expect(await timings.find("style", "gemini")).toEqual({ fetching: 110, generating: 7_000, encoding: 40, storing: 1 });
});

it("keeps kinds and providers apart", async () => {
  await took("tryon", "local", all(1_000));
  await took("tryon", "workers-ai", all(5_000));
  expect(await timings.find("tryon", "local")).toEqual(all(1_000));
  expect(await timings.find("tryon", "workers-ai")).toEqual(all(5_000));
  expect(await timings.find("style", "local")).toBeNull();
});

it("loses no sample of many at once, and comes close to what they say", async () => {
  const many = (ms: number) => Promise.all(Array.from({ length: 60 }, () => took("style", "workers-ai", all(ms))));
  await many(2_000);
  expect(await timings.find("style", "workers-ai")).toEqual(all(2_000));
  await many(10_000);
  expect((await timings.find("style", "workers-ai"))?.generating).toBeGreaterThan(9_950);
});

it("takes one sample of a conversion, however often its success is reported, and none of one that had no success", async () => {
  const once = await claimed("tryon");
  const reports = await Promise.all(Array.from({ length: 5 }, (_, i) => succeed(once, "gemini", all(100 * (i + 1)))));
  const counted = 100 * (reports.indexOf(true) + 1);
  const canceled = await claimed("tryon");
  await d1.conversions.cancel(canceled.lease.userId, canceled.lease.conversionId, Date.now());
  expect(await succeed(canceled, "gemini", all(9_000))).toBe(false);
  expect(await succeed(await claimed("tryon"), "gemini", null)).toBe(true);
  expect(await timings.find("tryon", "gemini")).toEqual(all(counted));
});
