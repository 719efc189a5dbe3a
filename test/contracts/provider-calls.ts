import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dayOf } from "../../src/kernel/clock.ts";
import { newId } from "../../src/kernel/ids.ts";
import type { NewProviderCall, ProviderCallRepository } from "../../src/modules/conversions/provider-calls.ts";

const DAY_MS = 24 * 60 * 60_000;
const NO_USAGE = { usage: null, free: false } as const;

let days = 0;

/** Noon of a day that no other test has; the budget is one of all calls of a day. */
function newDay(): number {
  days += 1;
  return Date.UTC(2030, 0, 1, 12) + days * DAY_MS;
}

function call(startedAt: number, change: Partial<NewProviderCall> = {}): NewProviderCall {
  return {
    id: newId("pcl", startedAt),
    conversionId: newId("cnv", startedAt),
    attempt: 1,
    provider: "gemini",
    model: "m",
    expectedMicros: 100,
    budgetMicros: null,
    startedAt,
    ...change,
  };
}

function usage(costMicros: number, promptTokens = 10, outputTokens = 20) {
  return { promptTokens, outputTokens, costMicros };
}

function times<T>(n: number, make: (i: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: n }, (_, i) => make(i)));
}

/** What every database must guarantee, run once for each. */
export function providerCallsContract(name: string, repository: () => ProviderCallRepository): void {
  const calls = repository();
  const begin = async (made: NewProviderCall) => (await calls.begin(made)) === "begun";

  async function spendOf(at: number) {
    const day = dayOf(at);
    const rows = await calls.spend({ fromDay: day, toDay: day }, 100);
    const sum = (
      key: "calls" | "succeeded" | "failed" | "costMicros" | "promptTokens" | "outputTokens" | "durationMs",
    ) => rows.reduce((total, row) => total + row[key], 0);
    return {
      calls: sum("calls"),
      succeeded: sum("succeeded"),
      failed: sum("failed"),
      promptTokens: sum("promptTokens"),
      outputTokens: sum("outputTokens"),
      costMicros: sum("costMicros"),
      durationMs: sum("durationMs"),
    };
  }

  describe(`${name}: the budget`, () => {
    it("of twenty racing calls admits exactly as many as fit, whatever their providers and models", async () => {
      const at = newDay();
      const begun = await times(20, (i) =>
        begin(call(at, { budgetMicros: 399, model: `m${i % 3}`, provider: i % 2 === 0 ? "gemini" : "workers-ai" })),
      );
      expect(begun.filter(Boolean)).toHaveLength(3);
      expect(await spendOf(at)).toMatchObject({ calls: 3, costMicros: 300 });
    });

    it("may be spent to the last micro, and not beyond it", async () => {
      const at = newDay();
      expect(await begin(call(at, { expectedMicros: 101, budgetMicros: 100 }))).toBe(false);
      expect(await begin(call(at, { expectedMicros: 100, budgetMicros: 100 }))).toBe(true);
      expect(await begin(call(at, { expectedMicros: 1, budgetMicros: 100 }))).toBe(false);
      expect(await begin(call(at, { expectedMicros: 0, budgetMicros: 100 }))).toBe(true);
      expect(await begin(call(at, { expectedMicros: 1_000 }))).toBe(true);
      expect(await spendOf(at)).toMatchObject({ calls: 3, costMicros: 1_100 });
    });

    it("leaves no trace of a call that it refused", async () => {
      const at = newDay();
      const refused = call(at, { budgetMicros: 99 });
      expect(await begin(refused)).toBe(false);
      expect(await calls.ofConversion(refused.conversionId)).toEqual([]);
      expect(await spendOf(at)).toMatchObject({ calls: 0, costMicros: 0 });
    });

    it("tells a budget that is held for calls under way from one that is spent, also after their workers died", async () => {
      const at = newDay();
      const [first, second] = [call(at, { budgetMicros: 200 }), call(at, { budgetMicros: 200 })];
      await begin(first);
      await begin(second);
      expect(await calls.begin(call(at, { budgetMicros: 200 }))).toBe("full");
      await calls.settle(first.id, { outcome: "success", usage: usage(150), free: false, endedAt: at });
      expect(await calls.begin(call(at, { budgetMicros: 200 }))).toBe("spent");
      const pending = async (before: number) => (await calls.listPending(before, 1_000)).map(({ id }) => id);
      expect(await pending(at + 1)).toContain(second.id);
      expect(await pending(at)).not.toContain(second.id);
      await calls.settle(second.id, { outcome: "aborted", ...NO_USAGE, endedAt: at });
      expect(await pending(at + 1)).not.toContain(second.id);
      expect(await spendOf(at)).toMatchObject({ costMicros: 250 });
    });

    it("is a day's: the next one has its own", async () => {
      const endOfDay = newDay() + DAY_MS / 2 - 1;
      expect(await begin(call(endOfDay, { budgetMicros: 100 }))).toBe(true);
      expect(await begin(call(endOfDay, { budgetMicros: 100 }))).toBe(false);
      expect(await begin(call(endOfDay + 1, { budgetMicros: 100 }))).toBe(true);
      newDay();
    });

    it("has room again for what a call turned out not to cost, and none for a call that never ended", async () => {
      const at = newDay();
      const first = call(at, { budgetMicros: 100 });
      await begin(first);
      expect(await begin(call(at, { budgetMicros: 100 }))).toBe(false);
      await calls.settle(first.id, { outcome: "rate_limited", usage: null, free: true, endedAt: at });
      expect(await begin(call(at, { budgetMicros: 100 }))).toBe(true);
      expect(await begin(call(at, { budgetMicros: 100 }))).toBe(false);
      expect(await spendOf(at)).toMatchObject({ calls: 2, failed: 1, costMicros: 100 });
    });
  });

  describe(`${name}: settling`, () => {
    it("sets the true cost and tokens, once, however often and however differently it is told", async () => {
      const at = newDay();
      const made = call(at);
      await begin(made);
      await times(10, (i) =>
        calls.settle(made.id, { outcome: "success", usage: usage(40 + i), free: false, endedAt: at + 500 }),
      );
      await calls.settle(made.id, { outcome: "timeout", ...NO_USAGE, endedAt: at + 900 });
      const [row] = await calls.ofConversion(made.conversionId);
      expect(row).toMatchObject({ outcome: "success", promptTokens: 10, outputTokens: 20, endedAt: at + 500 });
      expect(row?.costMicros).toBeGreaterThanOrEqual(40);
      expect(row?.costMicros).toBeLessThan(50);
      expect(await spendOf(at)).toEqual({
        calls: 1,
        succeeded: 1,
        failed: 0,
        promptTokens: 10,
        outputTokens: 20,
        costMicros: row?.costMicros,
        durationMs: 500,
      });
    });

    it("leaves the expected cost where nobody told the true one, and none where the provider charges nothing", async () => {
      const at = newDay();
      const [silent, free] = [call(at), call(at)];
      await begin(silent);
      await begin(free);
      await calls.settle(silent.id, { outcome: "timeout", ...NO_USAGE, endedAt: at });
      await calls.settle(free.id, { outcome: "config", usage: usage(70), free: true, endedAt: at });
      expect(await calls.ofConversion(silent.conversionId)).toMatchObject([{ outcome: "timeout", costMicros: 100 }]);
      expect(await calls.ofConversion(free.conversionId)).toMatchObject([{ outcome: "config", costMicros: 0 }]);
      expect(await spendOf(at)).toMatchObject({ failed: 2, costMicros: 100 });
    });

    it("counts for the day of the start, also when the call ends on the next", async () => {
      const at = newDay() + DAY_MS / 2 - 1;
      const made = call(at);
      await begin(made);
      await calls.settle(made.id, { outcome: "success", usage: usage(7), free: false, endedAt: at + 2_000 });
      expect(await spendOf(at)).toMatchObject({ succeeded: 1, costMicros: 7, durationMs: 2_000 });
      expect(await spendOf(at + 2_000)).toMatchObject({ calls: 0 });
      newDay();
    });

    it("does nothing for a call that was never begun", async () => {
      await calls.settle("pcl_none", { outcome: "success", usage: usage(7), free: false, endedAt: 1 });
    });
  });

  it(`${name}: the day's sums are those of its calls after any interleaving`, async () => {
    const step = fc.record({
      call: fc.nat(5),
      verb: fc.constantFrom("begin", "begin", "success", "timeout", "aborted"),
      micros: fc.nat(300),
      told: fc.boolean(),
      free: fc.boolean(),
    });
    const rounds = fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(rounds, fc.option(fc.nat(600), { nil: null }), async (plan, budgetMicros) => {
        const at = newDay();
        const made = Array.from({ length: 6 }, (_, i) =>
          call(at + i, { model: `m${i % 2}`, budgetMicros, expectedMicros: 50 * i }),
        );
        const begun = new Set<number>();
        for (const round of plan) {
          await Promise.all(
            round.map(async ({ call: nth, verb, micros, told, free }, i) => {
              const one = made[nth] as NewProviderCall;
              if (verb !== "begin") {
                const end = { usage: told ? usage(micros, micros, nth) : null, free, endedAt: at + 1_000 + i };
                return calls.settle(one.id, { outcome: verb as "success" | "timeout" | "aborted", ...end });
              }
              if (begun.has(nth)) return;
              begun.add(nth);
              await begin(one);
            }),
          );
        }
        const rows = (await Promise.all(made.map(({ conversionId }) => calls.ofConversion(conversionId)))).flat();
        const sum = (of: (row: (typeof rows)[number]) => number) => rows.reduce((total, row) => total + of(row), 0);
        expect(await spendOf(at)).toEqual({
          calls: rows.length,
          succeeded: sum(({ outcome }) => Number(outcome === "success")),
          failed: sum(({ outcome }) => Number(outcome !== "success" && outcome !== "pending")),
          promptTokens: sum(({ promptTokens }) => promptTokens ?? 0),
          outputTokens: sum(({ outputTokens }) => outputTokens ?? 0),
          costMicros: sum(({ costMicros }) => costMicros),
          durationMs: sum(({ startedAt, endedAt }) => (endedAt === null ? 0 : endedAt - startedAt)),
        });
      }),
      { numRuns: 40 },
    );
  });

  it(`${name}: what ended calls have cost and used never falls, whatever is begun and settled in whatever order`, async () => {
    const step = fc.record({
      call: fc.nat(5),
      outcome: fc.constantFrom(null, "success" as const, "timeout" as const, "aborted" as const),
      told: fc.option(fc.nat(300), { nil: null }),
      free: fc.boolean(),
    });
    const rounds = fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(rounds, async (plan) => {
        const at = newDay();
        const made = Array.from({ length: 6 }, (_, i) => call(at, { model: `m${i % 2}`, expectedMicros: 50 * i }));
        const begun = new Set<number>();
        const certain = async () => {
          const rows = await calls.spend({ fromDay: dayOf(at), toDay: dayOf(at) }, 100);
          const totals = rows.map((row) => [row.costMicros - row.reservedMicros, row.promptTokens, row.outputTokens]);
          return new Map(rows.map(({ model }, i) => [model, totals[i] ?? []]));
        };
        let before = await certain();
        for (const round of plan) {
          await Promise.all(
            round.map(async ({ call: nth, outcome, told, free }) => {
              const one = made[nth] as NewProviderCall;
              if (outcome !== null) {
                const end = { outcome, usage: told === null ? null : usage(told, told, told), free, endedAt: at };
                return calls.settle(one.id, end);
              }
              if (begun.has(nth)) return;
              begun.add(nth);
              await begin(one);
            }),
          );
          const now = await certain();
          for (const [model, totals] of before) {
            for (const [i, total] of totals.entries()) {
              expect(now.get(model)?.[i] ?? -1, `${model} ${i}`).toBeGreaterThanOrEqual(total);
            }
          }
          before = now;
        }
        for (const totals of before.values()) expect(Math.min(...totals)).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 40 },
    );
  });

  it(`${name}: the calls of a conversion come in the order they were made`, async () => {
    const at = newDay();
    const { conversionId } = call(at);
    const made = [0, 1, 2].map((i) => call(at + i, { conversionId, attempt: i + 1 }));
    for (const one of [...made].reverse()) await begin(one);
    expect((await calls.ofConversion(conversionId)).map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  });

  it(`${name}: days come latest first, both ends included, and no others`, async () => {
    const first = newDay();
    const days = [0, 1, 2, 3].map((i) => (i === 0 ? first : newDay()));
    for (const at of days) await begin(call(at));
    const range = { fromDay: dayOf(days[1] as number), toDay: dayOf(days[2] as number) };
    expect((await calls.spend(range, 100)).map(({ day }) => day)).toEqual([range.toDay, range.fromDay]);
    expect(await calls.spend(range, 1)).toHaveLength(1);
  });
}
