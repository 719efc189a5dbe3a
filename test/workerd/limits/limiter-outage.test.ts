import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RateLimiterApi } from "../../../durable-objects/rate-limiter/contract.ts";
import type { RateLimiterObjects } from "../../../src/providers/cloudflare/rate-limiter.ts";
import { apiWith } from "../support/app.ts";
import { newPhone, PASSWORD, randomIp, signUp } from "../support/client.ts";
import { bindings } from "../support/database.ts";
import { challenge, countStatuses, send, sendsWritten, times, verify } from "../support/limited.ts";
import { asFile, form } from "../support/pictures.ts";

beforeEach(() => {
  vi.spyOn(console, "log").mockImplementation(() => {});
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

interface BrokenLimiter extends RateLimiterObjects {
  /** The methods that were asked for, in order. */
  readonly asked: string[];
}

/** Limiter objects of which `answer` takes the place; where it gives none the real object is asked. */
function brokenLimiter(answer: (method: string, asked: number) => Promise<never> | undefined): BrokenLimiter {
  const asked: string[] = [];
  const through = (name: string, method: keyof RateLimiterApi) =>
    ((...values: never[]) => {
      asked.push(method);
      const real = bindings.RATE_LIMITER.getByName(name) as unknown as Record<string, (...v: never[]) => unknown>;
      return answer(method, asked.length) ?? real[method]?.(...values);
    }) as never;
  return {
    asked,
    getByName: (name) => ({
      take: through(name, "take"),
      confirm: through(name, "confirm"),
      giveBack: through(name, "giveBack"),
      settle: through(name, "settle"),
      clear: through(name, "clear"),
    }),
  };
}

const overloaded = () =>
  Promise.reject(Object.assign(new Error("Durable Object is overloaded."), { overloaded: true }));
const hanging = () => new Promise<never>(() => {});

async function expectUnavailable(response: Response): Promise<void> {
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(await response.json()).toMatchObject({ code: "service_unavailable" });
}

describe("a limiter that can't be asked", () => {
  it("makes a send 503: it is asked once and nothing is written or sent", async () => {
    const limiter = brokenLimiter(overloaded);
    const before = await sendsWritten();
    await expectUnavailable(await send({ RATE_LIMITER: limiter }));
    expect(limiter.asked).toEqual(["take"]);
    expect(await sendsWritten()).toEqual(before);
  });

  it("that never answers makes a send 503 after five seconds, asked once", async () => {
    const limiter = brokenLimiter(hanging);
    const before = await sendsWritten();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const answer = send({ RATE_LIMITER: limiter });
    let over = false;
    void answer.then(() => {
      over = true;
    });
    while (vi.getTimerCount() === 0) await scheduler.wait(1);
    await vi.advanceTimersByTimeAsync(4_999);
    expect(over).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await expectUnavailable(await answer);
    expect(limiter.asked).toEqual(["take"]);
    expect(await sendsWritten()).toEqual(before);
  });

  it("makes a right code 503, and the code still works once the limiter answers again", async () => {
    const attempt = await challenge();
    const limiter = brokenLimiter(overloaded);
    await expectUnavailable(await verify({ RATE_LIMITER: limiter }, attempt));
    expect(limiter.asked).toEqual(["take"]);
    expect((await verify({}, attempt)).status).toBe(200);
  });

  it("makes a login with the right password 503, without hashing", async () => {
    const { phone } = await signUp();
    const limiter = brokenLimiter(overloaded);
    const HASHER = {
      verify: () => {
        throw new Error("hashed");
      },
    };
    const json = { phone, password: PASSWORD };
    await expectUnavailable(await apiWith({ RATE_LIMITER: limiter, HASHER }, "/api/auth/login", { json }));
    expect(limiter.asked).toEqual(["take"]);
  });

  it("makes an upload 503", async () => {
    const { token } = await signUp();
    const limiter = brokenLimiter(overloaded);
    const body = form({ kind: "person" }, { file: asFile("person") });
    await expectUnavailable(await apiWith({ RATE_LIMITER: limiter }, "/api/images", { method: "POST", token, body }));
    expect(limiter.asked).toEqual(["take"]);
  });

  it("does not unmake an answer that is decided: giving back and settling may fail", async () => {
    const attempt = await challenge();
    const limiter = brokenLimiter((method) => (method === "take" ? undefined : overloaded()));
    expect((await verify({ RATE_LIMITER: limiter }, attempt)).status).toBe(200);
  });
});

it("a send that fails at a later limit counts nowhere", async () => {
  const env = { RATE_LIMIT_OTP_PER_IP: "1", RATE_LIMIT_OTP_PER_PHONE: "1" };
  const [phone, ip] = [newPhone(), randomIp()];
  for (const failing of [2, 3, 4]) {
    const limiter = brokenLimiter((_, asked) => (asked === failing ? overloaded() : undefined));
    await expectUnavailable(await send({ ...env, RATE_LIMITER: limiter }, phone, { ip }));
    expect(limiter.asked.filter((method) => method === "take")).toHaveLength(failing);
  }
  expect((await send(env, phone, { ip })).status).toBe(202);
});

it("a code that fails at a later limit or at the database counts nowhere", async () => {
  const env = { RATE_LIMIT_VERIFY_PER_IP: "1", RATE_LIMIT_VERIFY_PER_PHONE_DAY: "1" };
  const attempt = await challenge();
  const ip = randomIp();
  const limiter = brokenLimiter((_, asked) => (asked === 2 ? overloaded() : undefined));
  await expectUnavailable(await verify({ ...env, RATE_LIMITER: limiter }, attempt, { ip }));
  const DB = {
    prepare: (query: string) => bindings.DB.prepare(query),
    batch: () => Promise.reject(new Error("D1_ERROR: Network connection lost.")),
  };
  await expectUnavailable(await verify({ ...env, DB }, attempt, { ip }));
  expect((await verify(env, attempt, { ip })).status).toBe(200);
});

it("200 sends at a limiter that is down are 200 refusals and 200 questions", async () => {
  const limiter = brokenLimiter(overloaded);
  expect(countStatuses(await times(200, () => send({ RATE_LIMITER: limiter })))).toEqual({ 503: 200 });
  expect(limiter.asked).toHaveLength(200);
});
