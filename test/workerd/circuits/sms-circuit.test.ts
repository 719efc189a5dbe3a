import { createExecutionContext } from "cloudflare:test";
import { afterEach, expect, it, vi } from "vitest";
import { createApiServices } from "../../../src/composition/services.ts";
import type { CircuitBreakerObjects } from "../../../src/providers/cloudflare/circuit-breakers.ts";
import { breakerObject, newCircuit, trip } from "../support/breaker-object.ts";
import { bindings } from "../support/database.ts";
import { freezeClock, setClock } from "../support/limiter-object.ts";
import { SMSIR } from "../support/sms.ts";

freezeClock();
afterEach(() => {
  vi.restoreAllMocks();
});

const MESSAGE = { to: "+989121234567", code: "123456", ttlMs: 120_000 };

it("codes wait for a probe that was lost with its Worker for twenty seconds, and then go out again", async () => {
  vi.spyOn(Math, "random").mockReturnValue(0);
  const circuit = newCircuit();
  const objects: CircuitBreakerObjects = { getByName: () => bindings.CIRCUIT_BREAKER.getByName(circuit) };
  const env = { ...bindings, ...SMSIR, CIRCUIT_BREAKER: objects as never };
  const { sms } = createApiServices(env, createExecutionContext());
  let posted = 0;
  vi.spyOn(globalThis, "fetch").mockImplementation(() => {
    posted++;
    return new Promise<never>(() => {});
  });
  const { signal } = new AbortController();
  await breakerObject(circuit).call(trip("config", 1_000));
  setClock(1_000);
  // Its answer never comes, nor does anybody report it.
  sms.sendOtp(MESSAGE, { signal }).catch(() => {});
  await expect.poll(() => posted).toBe(1);
  setClock(20_999);
  await expect(sms.sendOtp(MESSAGE, { signal })).rejects.toMatchObject({ failure: "unavailable", retryAfterMs: 1 });
  expect(posted).toBe(1);
  setClock(21_000);
  sms.sendOtp(MESSAGE, { signal }).catch(() => {});
  await expect.poll(() => posted).toBe(2);
});
