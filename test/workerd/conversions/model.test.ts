import { eq } from "drizzle-orm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  conversionEvents,
  conversions,
  outbox,
  providerCalls,
  providerSpend,
  quotaLedger,
} from "../../../src/db/d1/schema/index.ts";
import {
  type ConversionStatus,
  canTransition,
  isTerminal,
  resultKeys,
} from "../../../src/modules/conversions/conversion.ts";
import { failUndelivered, runConversion, sweepConversions } from "../../../src/modules/conversions/jobs.ts";
import { GENERATION_FAILURES, GenerationError } from "../../../src/ports/image-generator.ts";
import { conversionInput, createConditions, deadLetter, newConversion } from "../../factories.ts";
import { bindings, d1, db } from "../support/database.ts";
import { type Fate, mortal } from "../support/mortal.ts";
import { fakeGenerator, outsideGenerator, type WorkerStage, workerStage } from "../support/worker.ts";

const UNITS = 6;
const MINUTE_MS = 60_000;
const PERIOD = new Date().toISOString().slice(0, 7);

/** Breakers keep the time of the world outside; this one has a clock of its own. */
const ALWAYS_CLOSED: WorkerStage["deps"]["circuits"] = {
  admit: async (circuit) => ({ allowed: true, pass: { circuit, epoch: 0, probe: null } }),
  report: async () => null,
  state: () => Promise.reject(new Error("not asked")),
  force: () => Promise.reject(new Error("not asked")),
};

type Behaviour = "picture" | (typeof GENERATION_FAILURES)[number];

type Step =
  | { readonly do: "create" | "sweep" | "resume" }
  | { readonly do: "cancel" | "remove" | "retry" | "deadLetter"; readonly nth: number }
  | { readonly do: "advance"; readonly ms: number }
  | {
      readonly do: "deliver";
      readonly nth: number;
      readonly provider: Behaviour;
      readonly keepMessage: boolean;
      readonly atOnce: number;
      readonly fate: Fate | null;
    };

const nth = fc.nat({ max: 20 });
const call = fc.option(fc.integer({ min: 1, max: 24 }), { nil: undefined });
const fate: fc.Arbitrary<Fate> = fc.record({ pauseAt: call, dieAt: call, dies: fc.constantFrom("before", "after") });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>({ do: "create" }) },
  { weight: 2, arbitrary: fc.constantFrom<Step>({ do: "sweep" }, { do: "resume" }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("cancel" as const, "remove" as const, "retry" as const, "deadLetter" as const),
      nth,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("advance" as const),
      ms: fc.constantFrom(1_000, 31_000, 2 * MINUTE_MS, 11 * MINUTE_MS),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("deliver" as const),
      nth,
      provider: fc.oneof(
        { weight: 3, arbitrary: fc.constant<Behaviour>("picture") },
        { weight: 2, arbitrary: fc.constantFrom<Behaviour>(...GENERATION_FAILURES) },
      ),
      keepMessage: fc.boolean(),
      atOnce: fc.integer({ min: 1, max: 3 }),
      fate: fc.option(fate, { freq: 3 }),
    }),
  },
);

/** One user's conversions, a queue that keeps, repeats and reorders messages as it is told, and a clock. */
class World {
  readonly ids: string[] = [];
  readonly stage: WorkerStage;
  #behaviour: Behaviour = "picture";
  #frozen: (() => void)[] = [];

  private constructor(stage: WorkerStage) {
    this.stage = stage;
  }

  static async create(): Promise<World> {
    let world: World;
    const generator = outsideGenerator(async (request, options) => {
      const failure = world.#behaviour;
      if (failure !== "picture") throw new GenerationError(failure, "scripted");
      return fakeGenerator().generate(request, options);
    });
    const stage = await workerStage(generator);
    world = new World({ ...stage, deps: { ...stage.deps, circuits: ALWAYS_CLOSED } });
    return world;
  }

  get now(): number {
    return this.stage.deps.clock.now();
  }

  #pick(nth: number): string | undefined {
    return this.ids.length === 0 ? undefined : this.ids[nth % this.ids.length];
  }

  async #create(retryOf: string | null): Promise<void> {
    const createdAt = this.now;
    const made = newConversion(this.stage.userId, conversionInput(this.stage.personImageId), { createdAt, retryOf });
    const conditions = createConditions(createdAt, { period: PERIOD, defaultMonthlyUnits: UNITS });
    const outcome = await d1.conversions.create(made, conditions);
    if (outcome.kind === "created") {
      this.ids.push(made.id);
      this.stage.sent.push({ id: made.id, delaySeconds: 0 });
    } else expect(outcome.kind).toBe("quota_exceeded");
  }

  async #deliver(step: Extract<Step, { do: "deliver" }>): Promise<void> {
    const { sent } = this.stage;
    if (sent.length === 0) return;
    const at = step.nth % sent.length;
    const message = sent[at];
    if (message === undefined) return;
    if (!step.keepMessage) sent.splice(at, 1);
    this.#behaviour = step.provider;
    const worker = step.fate === null ? { deps: this.stage.deps } : mortal(this.stage.deps, step.fate);
    const runs = Array.from({ length: step.atOnce }, () => runConversion(worker.deps, message.id));
    if ("resume" in worker) this.#frozen.push(worker.resume);
    // A worker that died or froze is not waited for any longer than the living need.
    await Promise.race([
      Promise.allSettled(runs),
      new Promise((resolve) => setTimeout(resolve, step.fate ? 60 : 5_000)),
    ]);
  }

  /** Frozen workers go on where they were, whatever has become of their jobs. */
  async #resume(): Promise<void> {
    for (const resume of this.#frozen.splice(0)) resume();
    await new Promise((resolve) => setTimeout(resolve, 60));
  }

  async run(step: Step): Promise<void> {
    const { deps, userId } = this.stage;
    switch (step.do) {
      case "create":
        return this.#create(null);
      case "sweep":
        await sweepConversions(deps);
        return;
      case "resume":
        return this.#resume();
      case "advance":
        return this.stage.advance(step.ms);
      case "deliver":
        return this.#deliver(step);
    }
    const id = this.#pick(step.nth);
    if (id === undefined) return;
    if (step.do === "cancel") await d1.conversions.cancel(userId, id, this.now);
    else if (step.do === "remove") await d1.conversions.remove(userId, id, this.now);
    else if (step.do === "deadLetter") await failUndelivered(deps, id, deadLetter());
    else {
      const previous = await d1.conversions.find(userId, id);
      if (previous && isTerminal(previous.status) && previous.status !== "succeeded") await this.#create(id);
    }
  }

  /** Time goes on and everything works from here: what is left over must come to its end. */
  async settle(): Promise<void> {
    this.#behaviour = "picture";
    await this.#resume();
    for (let round = 0; round < 40; round++) {
      await sweepConversions(this.stage.deps);
      const due = this.stage.sent.splice(0);
      for (const { id } of due) await runConversion(this.stage.deps, id);
      this.stage.advance(31_000);
    }
  }

  async check(): Promise<void> {
    const { userId } = this.stage;
    const rows = await db.select().from(conversions).where(eq(conversions.userId, userId));
    const units = await db.select().from(quotaLedger).where(eq(quotaLedger.userId, userId));
    expect(rows.map(({ id }) => id).sort()).toEqual([...this.ids].sort());
    expect(units.map(({ conversionId }) => conversionId).sort()).toEqual([...this.ids].sort());
    const stateOf = new Map(units.map((unit) => [unit.conversionId, unit.state]));
    for (const { id, status } of rows) expect([id, status, stateOf.get(id)]).toEqual([id, status, unitStateOf(status)]);
    const usage = await d1.quota.usage(userId, PERIOD);
    const count = (state: string) => units.filter((unit) => unit.state === state).length;
    expect(usage).toMatchObject({ used: count("committed"), reserved: count("reserved") });
    expect(count("committed") + count("reserved")).toBeLessThanOrEqual(UNITS);
    for (const row of rows) await this.#checkEvents(row.id, row.status);
    await this.#checkSpend();
  }

  /** The day's sums are those of the calls, whatever became of them. */
  async #checkSpend(): Promise<void> {
    const model = this.stage.deps.generators.get("gemini")?.modelFor("style") ?? "";
    const calls = await db.select().from(providerCalls).where(eq(providerCalls.model, model));
    const sums = await db.select().from(providerSpend).where(eq(providerSpend.model, model));
    const sum = (of: (row: (typeof sums)[number]) => number) => sums.reduce((total, row) => total + of(row), 0);
    expect(sum((row) => row.calls)).toBe(calls.length);
    expect(sum((row) => row.costMicros)).toBe(calls.reduce((total, call) => total + call.costMicros, 0));
    expect(sum((row) => row.succeeded)).toBe(calls.filter(({ outcome }) => outcome === "success").length);
    expect(sum((row) => row.succeeded + row.failed)).toBe(calls.filter(({ outcome }) => outcome !== "pending").length);
  }

  /** The log tells one story: versions in order, allowed moves only, and at most one end. */
  async #checkEvents(id: string, status: ConversionStatus): Promise<void> {
    const events = await db
      .select()
      .from(conversionEvents)
      .where(eq(conversionEvents.conversionId, id))
      .orderBy(conversionEvents.version);
    const moves = events.filter(({ type }) => type !== "conversion.progress");
    for (const [i, event] of moves.entries()) {
      const before = moves[i - 1]?.status;
      if (before !== undefined && before !== event.status)
        expect(canTransition(before, event.status), `${before} → ${event.status}`).toBe(true);
    }
    expect(moves.at(-1)?.status).toBe(status);
    expect(moves.filter((event) => isTerminal(event.status)).length).toBe(isTerminal(status) ? 1 : 0);
  }

  async checkEnd(): Promise<void> {
    await this.check();
    const rows = await db.select().from(conversions).where(eq(conversions.userId, this.stage.userId));
    for (const { id, status, deletedAt } of rows) {
      expect(isTerminal(status), `${id} is ${status}`).toBe(true);
      const { objects } = await bindings.BUCKET.list({ prefix: `results/${id}/` });
      const kept = status === "succeeded" && deletedAt === null;
      expect([id, status, objects.map(({ key }) => key).sort()]).toEqual([
        id,
        status,
        kept ? Object.values(resultKeys(id)).sort() : [],
      ]);
    }
    const promised = await db.select().from(outbox);
    const mine = promised.filter(({ payload }) => this.ids.some((id) => JSON.stringify(payload).includes(id)));
    expect(mine).toEqual([]);
  }
}

function unitStateOf(status: ConversionStatus): string {
  if (!isTerminal(status)) return "reserved";
  return status === "succeeded" ? "committed" : "released";
}

describe("conversions as a state machine with a ledger", () => {
  it("keep one end, one charge or none, no stray object and no lost job, whatever happens in whatever order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const world = await World.create();
        for (const one of steps) {
          await world.run(one);
          await world.check();
        }
        await world.settle();
        await world.checkEnd();
      }),
      { numRuns: 15, endOnFailure: true },
    );
  }, 120_000);
});
