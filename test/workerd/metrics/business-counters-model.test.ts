import { eq } from "drizzle-orm";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createD1AccountErasure } from "../../../src/db/d1/repositories/account-erasure.ts";
import { createD1DeadLetters } from "../../../src/db/d1/repositories/dead-letters.ts";
import { createD1ProviderCalls } from "../../../src/db/d1/repositories/provider-calls.ts";
import { createD1UserRepository } from "../../../src/db/d1/repositories/users.ts";
import { quotaLedger } from "../../../src/db/d1/schema/index.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { CONVERSION_KINDS, isTerminal } from "../../../src/modules/conversions/conversion.ts";
import { DEAD_LETTER_OUTCOMES } from "../../../src/modules/conversions/dead-letters.ts";
import type { Lease } from "../../../src/modules/conversions/repository.ts";
import { GENERATION_FAILURES, PROVIDER_IDS } from "../../../src/ports/image-generator.ts";
import { auditEvent, conversionInput, createConditions, newConversion } from "../../factories.ts";
import { d1, db, insertImage, insertUser } from "../support/database.ts";
import { type Counts, combine, counters, rowsSay, storedResult } from "./support.ts";

const NOW = Date.UTC(2026, 10, 15, 12);
const LEASE_MS = 30_000;
const DEADLINE = NOW + 60_000;
const repository = d1.conversions;
const calls = createD1ProviderCalls(db);
const letters = createD1DeadLetters(db);
const users = createD1UserRepository(db);
const erasure = createD1AccountErasure(db);

const nth = fc.nat(5);
const commands = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("create" as const),
      kind: fc.constantFrom(...CONVERSION_KINDS),
      providerRequested: fc.constantFrom(null, ...PROVIDER_IDS),
      key: fc.option(fc.nat(2), { nil: null }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom("claim", "claim", "succeed", "fail", "requeue", "cancel", "remove", "expire", "undelivered"),
      nth,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("begin" as const), provider: fc.constantFrom(...PROVIDER_IDS) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("settle" as const),
      nth,
      outcome: fc.constantFrom("success" as const, "aborted" as const, ...GENERATION_FAILURES),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("letter" as const),
      message: fc.nat(3),
      outcome: fc.constantFrom(...DEAD_LETTER_OUTCOMES),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("deleteAccount" as const, "erase" as const) }) },
);
type Command = typeof commands extends fc.Arbitrary<infer C> ? C : never;

/** What the counters say that the tables no longer do; erasures add to it. */
let erased: Counts = {};
let worlds = 0;

/** One user and whatever happens to what is his. */
async function createWorld() {
  const name = `w${worlds++}`;
  const userId = await insertUser();
  const personImageId = await insertImage(userId);
  const ids: string[] = [];
  const leases = new Map<string, Lease>();
  const callIds: string[] = [];

  async function create({ kind, providerRequested, key }: Extract<Command, { do: "create" }>) {
    const made = newConversion(userId, conversionInput(personImageId, { kind, providerRequested }), {
      createdAt: NOW,
      deadlineAt: DEADLINE,
    });
    const record = { operation: "o", key: String(key), fingerprint: "f", status: 202, body: "{}", lockedUntil: 0 };
    const idempotency = key === null ? null : { ...record, conversionId: made.id, expiresAt: DEADLINE };
    const outcome = await repository.create(made, createConditions(NOW, { idempotency, defaultMonthlyUnits: 5 }));
    if (outcome.kind === "created") ids.push(made.id);
  }

  async function change(verb: string, id: string): Promise<unknown> {
    const lease = leases.get(id) ?? { conversionId: id, userId, token: "none" };
    switch (verb) {
      case "claim": {
        const claimed = await repository.claim(id, {
          now: NOW,
          leaseMs: LEASE_MS,
          maxAttempts: 9,
          attemptsSpent: false,
        });
        return claimed && leases.set(id, claimed.lease);
      }
      case "succeed":
        return repository.succeed(lease, storedResult(id), { now: NOW + 1, answerOutboxId: null });
      case "fail":
        return repository.fail(lease, "no_image", NOW + 1);
      case "requeue": {
        const back = { notBefore: NOW, cause: "c", failure: null, keepAttempt: false, now: NOW };
        return repository.requeue(lease, { ...back, outboxId: newId("obx", NOW) });
      }
      case "cancel":
        return repository.cancel(userId, id, NOW + 1);
      case "remove":
        return repository.remove(userId, id, NOW + 1);
      case "expire":
        return repository.expire(id, DEADLINE);
      default:
        return repository.failUndelivered(id, "delivery_exhausted", NOW + LEASE_MS);
    }
  }

  async function begin(provider: (typeof PROVIDER_IDS)[number]) {
    const id = newId("pcl", NOW);
    const call = { id, conversionId: ids[0] ?? newId("cnv", NOW), attempt: 1, provider, model: name };
    await calls.begin({ ...call, expectedMicros: 5, budgetMicros: null, startedAt: NOW });
    callIds.push(id);
  }

  async function deleteAccount() {
    const promises = { sessionsPromiseId: newId("obx", NOW), erasePromiseId: newId("obx", NOW) };
    await users.deleteAccount({ userId, event: auditEvent(), ...promises, aliases: [], now: NOW + 1 });
  }

  return {
    async run(command: Command): Promise<unknown> {
      switch (command.do) {
        case "create":
          return create(command);
        case "begin":
          return begin(command.provider);
        case "settle": {
          const id = callIds[command.nth % callIds.length] ?? "pcl_none";
          return calls.settle(id, { outcome: command.outcome, usage: null, free: false, endedAt: NOW });
        }
        case "letter": {
          const about = { conversionId: ids[0] ?? null, outcome: command.outcome, receivedAt: NOW };
          const message = { queue: "dead", messageId: `${name}-${command.message}`, body: "{}", attempts: 1 };
          return letters.record({ id: newId("dlt", NOW), ...message, ...about });
        }
        case "deleteAccount":
          return deleteAccount();
        case "erase":
          return;
      }
      const id = ids[command.nth % ids.length];
      return id === undefined ? undefined : change(command.do, id);
    },

    /** Some of what has ended goes from the tables, as an erasure takes it; the counters must not notice. */
    async erase() {
      const ended = [];
      for (const id of ids) if (isTerminal((await repository.inspect(id))?.status ?? "queued")) ended.push(id);
      const conversionIds = ended.filter((_, i) => i % 2 === 0);
      const before = await rowsSay();
      await erasure.eraseRows(userId, { conversionIds, imageIds: [], objectKeys: [] });
      erased = combine(erased, 1, combine(before, -1, await rowsSay()));
      for (const id of conversionIds) ids.splice(ids.indexOf(id), 1);
    },
  };
}

it("the counters are what the tables say, with what was erased, whatever races with what", async () => {
  const rounds = fc.array(fc.array(commands, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(rounds, async (plan) => {
      const world = await createWorld();
      let before = await counters();
      for (const round of plan) {
        await Promise.all(round.map((command) => world.run(command)));
        if (round.some((command) => command.do === "erase")) await world.erase();
        const now = await counters();
        expect(now).toEqual(combine(await rowsSay(), 1, erased));
        for (const [key, value] of Object.entries(before)) expect(now[key], key).toBeGreaterThanOrEqual(value);
        before = now;
      }
      const units = (event: string) => before[`quota_units_total["${event}"]`] ?? 0;
      const open = await db.select().from(quotaLedger).where(eq(quotaLedger.state, "reserved"));
      const openUnits = open.reduce((sum, row) => sum + row.units, 0);
      expect(units("reserved")).toBe(units("committed") + units("released") + openUnits);
    }),
    { numRuns: 40, endOnFailure: true },
  );
  // Most of what can be counted has been: the plans above are no empty ones.
  expect(Object.keys(await counters()).length).toBeGreaterThan(20);
}, 120_000);
