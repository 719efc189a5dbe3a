import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLogger } from "../../../src/kernel/logger.ts";
import type { CircuitBreakers, CircuitPass } from "../../../src/ports/circuit-breaker.ts";
import {
  type CircuitBreakerObjects,
  createCircuitBreakers,
} from "../../../src/providers/cloudflare/circuit-breakers.ts";
import { breakerObject, FAILURE, NEUTRAL, newCircuit, SUCCESS, trip } from "../support/breaker-object.ts";
import { bindings } from "../support/database.ts";
import { freezeClock, setClock } from "../support/limiter-object.ts";

freezeClock();

beforeEach(() => {
  vi.spyOn(Math, "random").mockReturnValue(0);
});

afterEach(() => {
  vi.restoreAllMocks();
});

type Method = "admit" | "report" | "state" | "force";

interface Isolate {
  readonly circuits: CircuitBreakers;
  /** What the objects were asked, in order. */
  readonly asked: Method[];
  /** Log lines. */
  readonly told: string[];
  /** Replaces the objects' answers until it is set to null again. */
  broken: (() => Promise<never>) | null;
}

/** A client with a cache of its own, as every isolate has one. */
function isolate(wrap?: (answer: Promise<unknown>) => Promise<unknown>): Isolate {
  const asked: Method[] = [];
  const told: string[] = [];
  const objects: CircuitBreakerObjects = {
    getByName(name) {
      const real = bindings.CIRCUIT_BREAKER.getByName(name) as unknown as Record<Method, (...v: unknown[]) => unknown>;
      const through = (method: Method) =>
        ((...values: unknown[]) => {
          asked.push(method);
          if (made.broken) return made.broken();
          const answer = Promise.resolve(real[method](...values));
          return wrap ? wrap(answer) : answer;
        }) as never;
      return { admit: through("admit"), report: through("report"), state: through("state"), force: through("force") };
    },
  };
  const logger = createLogger({ level: "warn", format: "json" }, {}, (line) => told.push(line));
  const made: Isolate = { circuits: createCircuitBreakers(objects, { logger }), asked, told, broken: null };
  return made;
}

/** Leave that must be given. */
async function passOf({ circuits }: Isolate, circuit: string): Promise<CircuitPass> {
  const admission = await circuits.admit(circuit);
  if (!admission.allowed) throw new Error(`refused: ${admission.reason}`);
  return admission.pass;
}

const call = async (by: Isolate, circuit: string, outcome = FAILURE) =>
  by.circuits.report(await passOf(by, circuit), outcome);

const overloaded = () => Promise.reject(new Error("Durable Object is overloaded."));

describe("two isolates", () => {
  it("count together, and what one opens is open for the other within a second", async () => {
    const [one, two, circuit] = [isolate(), isolate(), newCircuit()];
    for (const by of [one, two, one, two]) expect(await call(by, circuit)).toBeNull();
    expect(await call(one, circuit)).toBe("failures");
    expect(await one.circuits.admit(circuit)).toEqual({ allowed: false, reason: "failures", retryAfterMs: 30_000 });
    setClock(999);
    expect((await two.circuits.admit(circuit)).allowed).toBe(true);
    setClock(1_000);
    expect(await two.circuits.admit(circuit)).toEqual({ allowed: false, reason: "failures", retryAfterMs: 29_000 });
  });

  it("send one probe between them, and both go on once it has closed", async () => {
    const [one, two, circuit] = [isolate(), isolate(), newCircuit()];
    await call(one, circuit, trip("config"));
    setClock(30_000);
    const [first, second] = await Promise.all([one.circuits.admit(circuit), two.circuits.admit(circuit)]);
    expect([first?.allowed, second?.allowed].filter(Boolean)).toHaveLength(1);
    const prober = first?.allowed ? one : two;
    const pass = (first?.allowed ? first.pass : second?.allowed && second.pass) as CircuitPass;
    expect(await prober.circuits.report(pass, SUCCESS)).toBeNull();
    expect(await call(prober, circuit, SUCCESS)).toBe("closed");
    expect((await prober.circuits.admit(circuit)).allowed).toBe(true);
    setClock(31_000);
    for (const by of [one, two]) expect(await passOf(by, circuit)).toMatchObject({ probe: null });
  });
});

describe("the cache of an isolate", () => {
  it("asks once a second while closed, by all its requests together", async () => {
    const [by, circuit] = [isolate(), newCircuit()];
    for (const at of [0, 1, 500, 999]) {
      setClock(at);
      await passOf(by, circuit);
    }
    expect(by.asked).toEqual(["admit"]);
    setClock(1_000);
    await passOf(by, circuit);
    expect(by.asked).toEqual(["admit", "admit"]);
  });

  it("is shared by clients of the same namespace, and not by circuits", async () => {
    const circuit = newCircuit();
    let asked = 0;
    const objects: CircuitBreakerObjects = {
      getByName: (name) => {
        asked++;
        return bindings.CIRCUIT_BREAKER.getByName(name) as never;
      },
    };
    for (let i = 0; i < 5; i++) await createCircuitBreakers(objects).admit(circuit);
    expect(asked).toBe(1);
    await createCircuitBreakers(objects).admit(newCircuit());
    expect(asked).toBe(2);
  });

  it("of an open circuit holds for two seconds and counts the wait down, never past its end", async () => {
    const [by, circuit] = [isolate(), newCircuit()];
    await call(by, circuit, trip("rate_limited", 2_500));
    by.asked.length = 0;
    for (const [at, retryAfterMs] of [
      [0, 2_500],
      [1_999, 501],
    ] as const) {
      setClock(at);
      expect(await by.circuits.admit(circuit)).toEqual({ allowed: false, reason: "rate_limited", retryAfterMs });
    }
    expect(by.asked).toEqual(["admit"]);
    setClock(2_000);
    expect(await by.circuits.admit(circuit)).toMatchObject({ allowed: false, retryAfterMs: 500 });
    setClock(2_500);
    expect((await by.circuits.admit(circuit)).allowed).toBe(true);
    expect(by.asked).toEqual(["admit", "admit", "admit"]);
  });

  it("keeps no probe", async () => {
    const [by, circuit] = [isolate(), newCircuit()];
    await call(by, circuit, trip("config"));
    setClock(30_000);
    const probe = await passOf(by, circuit);
    expect(probe.probe).not.toBeNull();
    expect(await by.circuits.admit(circuit)).toMatchObject({ allowed: false, reason: "failures" });
    expect(await by.circuits.state(circuit)).toMatchObject({ state: "half_open", reason: "config" });
    expect(await by.circuits.report(probe, NEUTRAL)).toBeNull();
  });

  it("keeps no answer that was asked for before a report of its own changed it", async () => {
    const circuit = newCircuit();
    let hold: Promise<void> | null = null;
    const by = isolate(async (answer) => {
      const held = hold;
      const value = await answer;
      await held;
      return value;
    });
    const pass = await passOf(by, circuit);
    setClock(1_000);
    const gate = Promise.withResolvers<void>();
    hold = gate.promise;
    const late = by.circuits.admit(circuit);
    await scheduler.wait(20);
    hold = null;
    expect(await by.circuits.report(pass, trip("config"))).toBe("config");
    gate.resolve();
    expect((await late).allowed).toBe(true);
    expect(await by.circuits.admit(circuit)).toMatchObject({ allowed: false, reason: "config" });
  });

  it("counts from the question, however long the answer took", async () => {
    const circuit = newCircuit();
    const by = isolate(async (answer) => {
      const value = await answer;
      setClock(1_200);
      return value;
    });
    await passOf(by, circuit);
    await passOf(by, circuit);
    expect(by.asked).toEqual(["admit", "admit"]);
  });

  it("holds a bounded number of circuits", async () => {
    const by = isolate();
    const first = newCircuit();
    await passOf(by, first);
    for (let i = 0; i < 64; i++) await passOf(by, newCircuit());
    by.asked.length = 0;
    await passOf(by, first);
    expect(by.asked).toEqual(["admit"]);
  });

  it("forgets at once what an admin forces through it", async () => {
    const [by, circuit] = [isolate(), newCircuit()];
    await passOf(by, circuit);
    await by.circuits.force(circuit, "open");
    expect(await by.circuits.admit(circuit)).toMatchObject({ allowed: false, reason: "forced" });
    await by.circuits.force(circuit, "auto");
    expect((await by.circuits.admit(circuit)).allowed).toBe(true);
  });
});

describe("a breaker that can't be asked", () => {
  it.each<[string, () => never]>([
    ["rejects", overloaded as never],
    [
      "throws at once",
      () => {
        throw new Error("no namespace");
      },
    ],
  ])("and %s lets calls through and counts none of them, and operators are told", async (_what, broken) => {
    const [by, circuit] = [isolate(), newCircuit()];
    by.broken = broken;
    const pass = await passOf(by, circuit);
    expect(pass).toEqual({ circuit, epoch: -1, probe: null });
    by.broken = null;
    for (let i = 0; i < 10; i++) expect(await by.circuits.report(pass, trip("config"))).toBeNull();
    expect(by.asked).toEqual(["admit"]);
    expect(await breakerObject(circuit).state()).toMatchObject({ state: "closed", calls: 0 });
    expect(by.told.map((line) => JSON.parse(line))).toMatchObject([{ level: "warn", circuit }]);
  });

  it("is left in peace for a second, and then asked again", async () => {
    const [by, circuit] = [isolate(), newCircuit()];
    by.broken = overloaded;
    for (let i = 0; i < 5; i++) await passOf(by, circuit);
    expect(by.asked).toHaveLength(1);
    by.broken = null;
    setClock(1_000);
    expect((await passOf(by, circuit)).epoch).toBe(0);
  });

  it("and never answers holds a call up for a second and a half, asked once", async () => {
    const [by, circuit] = [isolate(), newCircuit()];
    by.broken = () => new Promise<never>(() => {});
    vi.useRealTimers();
    const startedAt = performance.now();
    const [pass, other] = await Promise.all([passOf(by, circuit), by.circuits.state(circuit).catch((error) => error)]);
    expect(performance.now() - startedAt).toBeLessThan(2_500);
    expect(pass.epoch).toBe(-1);
    expect(other).toMatchObject({ code: "service_unavailable" });
    expect(by.asked).toEqual(["admit", "state"]);
  });

  it("loses the outcome and no more", async () => {
    const [by, circuit] = [isolate(), newCircuit()];
    const pass = await passOf(by, circuit);
    by.broken = overloaded;
    expect(await by.circuits.report(pass, FAILURE)).toBeNull();
    expect(by.asked).toEqual(["admit", "report"]);
  });

  it("makes asking for its state and forcing it fail", async () => {
    const [by, circuit] = [isolate(), newCircuit()];
    by.broken = overloaded;
    await expect(by.circuits.state(circuit)).rejects.toMatchObject({ code: "service_unavailable" });
    await expect(by.circuits.force(circuit, "open")).rejects.toMatchObject({ code: "service_unavailable" });
  });
});
