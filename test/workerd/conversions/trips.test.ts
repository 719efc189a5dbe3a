import { drizzle } from "drizzle-orm/d1";
import { expect, it } from "vitest";
import type { Database } from "../../../src/db/d1/atomic.ts";
import { createD1ConversionRepository } from "../../../src/db/d1/repositories/conversions.ts";
import { createD1OutboxRepository } from "../../../src/db/d1/repositories/outbox.ts";
import { createD1ProviderCalls } from "../../../src/db/d1/repositories/provider-calls.ts";
import { runConversion } from "../../../src/modules/conversions/jobs.ts";
import { aboutStatement } from "../../../src/providers/cloudflare/metered-database.ts";
import { bindings, d1 } from "../support/database.ts";
import { outsideGenerator, workerStage } from "../support/worker.ts";

/** The test's database, and each trip to it: what its statements do, to which tables. */
function watched(trips: string[][]): Database {
  const texts = new WeakMap<object, string>();
  const inner = new WeakMap<object, D1PreparedStatement>();
  const about = (statement: object) => {
    const { operation, table } = aboutStatement(texts.get(statement) ?? "");
    return `${operation} ${table}`;
  };
  const wrap = (text: string, statement: D1PreparedStatement): D1PreparedStatement => {
    texts.set(statement, text);
    const proxy = new Proxy(statement, {
      get(target, name) {
        if (name === "bind") return (...values: unknown[]) => wrap(text, target.bind(...values));
        const verb: unknown = Reflect.get(target, name);
        if (typeof verb !== "function") return verb;
        return (...args: unknown[]) => {
          trips.push([about(target)]);
          return Reflect.apply(verb, target, args);
        };
      },
    });
    inner.set(proxy, statement);
    return proxy;
  };
  return drizzle({
    prepare: (text: string) => wrap(text, bindings.DB.prepare(text)),
    batch(statements: D1PreparedStatement[]) {
      const found = statements.map((statement) => inner.get(statement) ?? statement);
      trips.push(found.map(about));
      return bindings.DB.batch(found);
    },
  } as unknown as D1Database) as Database;
}

it("a job of a paid provider that goes well comes to the database eight times, once for each thing that must be so before the next", async () => {
  const stage = await workerStage(outsideGenerator());
  const id = await stage.newConversion();
  const trips: string[][] = [];
  const db = watched(trips);
  const ports = {
    conversions: createD1ConversionRepository(db),
    calls: createD1ProviderCalls(db),
    outbox: createD1OutboxRepository(db),
  };
  await runConversion({ ...stage.deps, ...ports }, id);
  await stage.background();
  expect(await d1.conversions.find(stage.userId, id)).toMatchObject({ status: "succeeded", attempt: 1 });
  const step = ["update conversions", "insert conversion_events"];
  const claim = [...step, "select conversions", "select conversions", "select stage_timings"];
  const success = ["insert images", ...step, "insert business_counters", "update quota_ledger", "insert outbox"];
  const settled = ["update provider_spend", "insert business_counters", "update provider_calls"];
  const expected = [
    claim,
    step,
    ["insert provider_calls", "insert provider_spend"],
    settled,
    step,
    step,
    [...success, "insert stage_timings"],
    ["delete outbox"],
  ];
  // The call is settled beside what follows it.
  const inAnyOrder = (all: string[][]) => all.map((trip) => trip.join(", ")).sort();
  expect(inAnyOrder(trips)).toEqual(inAnyOrder(expected));
  expect(trips[0]).toEqual(claim);
  expect(trips.at(-1)).toEqual(["delete outbox"]);
});
