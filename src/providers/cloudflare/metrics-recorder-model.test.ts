import fc from "fast-check";
import { expect, it } from "vitest";
import { createShard, createTime, type Fate, isolate, totalOf } from "../../../test/support/metrics-isolate.ts";

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("request" as const),
      from: fc.nat(2),
      status: fc.constantFrom("200", "404"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("cut off" as const), from: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("time" as const), ms: fc.integer({ min: 1, max: 20_000 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("fates" as const),
      fates: fc.array(fc.constantFrom<Fate>("ok", "lost", "unacknowledged"), { maxLength: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("evict" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("flush" as const), from: fc.nat(2) }) },
);

it("whatever fails, dies and is evicted: no series ever falls, and in the end every sample has counted once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const [time, shard] = [createTime(), createShard()];
      const isolates = [0, 1, 2].map(() => isolate(shard, time));
      let recorded = 0;
      let before = new Map<string, number>();
      for (const next of steps) {
        if (next.kind === "request" || next.kind === "cut off") {
          recorded++;
          isolates[next.from]?.request(next.kind === "request" ? next.status : "500", {
            cutOff: next.kind === "cut off",
          });
        } else if (next.kind === "time") await time.advance(next.ms);
        else if (next.kind === "fates") shard.fates.push(...next.fates);
        else if (next.kind === "evict") shard.evict();
        else void isolates[next.from]?.recorder.flush(1_000, () => {});
        const now = new Map(shard.reading.counters);
        for (const [series, value] of before) expect(now.get(series)).toBeGreaterThanOrEqual(value);
        before = now;
      }
      shard.fates.length = 0;
      await time.advance(60_000);
      for (const { request } of isolates) request();
      await time.advance(60_000);
      expect(totalOf(shard.reading, "http_requests_total")).toBe(recorded + isolates.length);
      expect(totalOf(shard.reading, "metrics_samples_dropped_total")).toBe(0);
    }),
    { numRuns: 300 },
  );
});
