import { runInDurableObject } from "cloudflare:test";
import type { AdmitAnswer } from "../../../durable-objects/circuit-breaker/contract.ts";
import type { CircuitOutcome, CircuitPass, CircuitState, TripReason } from "../../../src/ports/circuit-breaker.ts";
import { bindings } from "./database.ts";

const BACKOFF_MS = 30_000;

export const newCircuit = () => `test:${crypto.randomUUID()}`;
export const PROBE_TTL_MS = 120_000;
export const FAILURE: CircuitOutcome = { kind: "failure" };
export const SUCCESS: CircuitOutcome = { kind: "success" };
export const NEUTRAL: CircuitOutcome = { kind: "neutral" };

export const trip = (reason: TripReason, retryAfterMs: number | null = null): CircuitOutcome => ({
  kind: "trip",
  reason,
  retryAfterMs,
});

/** One circuit's object, asked directly. */
export function breakerObject(circuit = newCircuit()) {
  const stub = bindings.CIRCUIT_BREAKER.getByName(circuit);
  const admit = async (): Promise<AdmitAnswer> => stub.admit(circuit, PROBE_TTL_MS);
  /** Leave that must be given. */
  const admitted = async (): Promise<CircuitPass> => {
    const answer = await admit();
    if (!answer.allowed) throw new Error(`refused: ${answer.reason} for ${answer.retryAfterMs} ms`);
    return answer.pass;
  };
  return {
    circuit,
    stub,
    admit,
    admitted,
    report: async (pass: CircuitPass, outcome: CircuitOutcome): Promise<TripReason | "closed" | null> =>
      stub.report(pass, outcome, BACKOFF_MS),
    call: async (outcome: CircuitOutcome): Promise<TripReason | "closed" | null> =>
      stub.report(await admitted(), outcome, BACKOFF_MS),
    state: async (): Promise<CircuitState> => stub.state(circuit),
    /** What is stored, parsed; null when there is not even a table. */
    stored: () =>
      runInDurableObject(stub, (_, { storage: { sql } }) => {
        const tables = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'breaker'").toArray();
        if (tables.length === 0) return null;
        const [row] = sql.exec<{ state: string }>("SELECT state FROM breaker").toArray();
        return row === undefined ? null : (JSON.parse(row.state) as Record<string, unknown>);
      }),
  };
}
export type BreakerObject = ReturnType<typeof breakerObject>;

/** Makes so many calls fail as opens a new circuit. */
export async function openByFailures({ call }: BreakerObject): Promise<void> {
  for (let i = 0; i < 4; i++) await call(FAILURE);
  if ((await call(FAILURE)) !== "failures") throw new Error("it did not open");
}
