import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type CountingMetrics, countingMetrics } from "../../../test/support/counting-metrics.ts";
import { SHIPPER_LIMITS, Shipper } from "./shipper.ts";

type Answer = (request: Request) => Promise<Response>;

const ok: Answer = async () => new Response(null, { status: 204 });
const never: Answer = () => new Promise(() => {});
const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  async () =>
    new Response(null, { status: code, headers });

let metrics: CountingMetrics;
let bodies: string[];
let answers: Answer[];

beforeEach(() => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  metrics = countingMetrics();
  bodies = [];
  answers = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    bodies.push(await request.text());
    return (answers.shift() ?? ok)(request);
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function newShipper(limits: Partial<typeof SHIPPER_LIMITS> = {}, headers: Record<string, string> = {}) {
  const shipper = new Shipper<string>(
    {
      exporter: "loki",
      encode: (item) => ({ group: "", order: "", json: item }),
      request: (groups) => ({ url: "http://loki.test/push", headers, body: [...groups.values()].flat().join(",") }),
      refusedIn: (body) => Number(body?.refused ?? 0),
    },
    { ...SHIPPER_LIMITS, ...limits },
  );
  const events: (readonly [message: string, fields?: unknown])[] = [];
  const logger = { log: (_level: string, ...event: readonly [string, unknown?]) => void events.push(event) };
  const told = () => events.map(([message]) => message);
  /** One invocation: what it adds, and the end of its work. */
  const invoke = (...items: string[]) => {
    const mine = shipper.within({ metrics, logger });
    mine.add(items);
    const state = { ended: false };
    void mine.ship().then(() => {
      state.ended = true;
    });
    return state;
  };
  return { invoke, events, told };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** Of invocations that are torn down no timer fires any more. */
function tearDown(): void {
  const now = Date.now();
  vi.clearAllTimers();
  vi.setSystemTime(now);
}

const counted = () => [
  metrics.counts()["telemetry_items_total loki sent"] ?? 0,
  metrics.counts()["telemetry_items_total loki dropped"] ?? 0,
];

describe("Shipper", () => {
  it("collects for two seconds what many invocations bring, and sends it in one push", async () => {
    const { invoke } = newShipper();
    const first = invoke("a");
    await pass(1_000);
    invoke("b");
    await pass(900);
    expect(bodies).toEqual([]);
    await pass(200);
    expect(bodies).toEqual(["a,b"]);
    expect([counted(), first.ended]).toEqual([[2, 0], true]);
  });

  it("sends a full batch at once", async () => {
    const { invoke } = newShipper({ batchItems: 2 });
    invoke("a", "b", "c");
    await pass(100);
    expect(bodies).toEqual(["a,b"]);
  });

  it.each([
    ["a broken connection", async () => Promise.reject(new TypeError("reset"))],
    ["too many requests", status(429)],
    ["a failure of the server", status(500)],
    ["a failure of a gateway", status(503)],
  ] as const)("sends the same batch again after %s, and counts it once", async (_what, answer) => {
    const { invoke, told } = newShipper();
    answers.push(answer, answer);
    invoke("a", "b");
    await pass(2_100);
    invoke("c");
    await pass(10_000);
    expect(bodies).toEqual(["a,b", "a,b", "a,b", "c"]);
    expect(counted()).toEqual([3, 0]);
    expect(told()).toEqual(["telemetry: pushes fail"]);
  });

  it.each([400, 401, 404, 413, 307])("drops what is refused with %d, and goes on with the next", async (code) => {
    const { invoke, told } = newShipper();
    answers.push(status(code, { Location: "http://elsewhere.test/" }));
    invoke("a", "b");
    await pass(2_500);
    invoke("c");
    await pass(2_500);
    expect(bodies).toEqual(["a,b", "c"]);
    expect(counted()).toEqual([1, 2]);
    expect(told()).toEqual(["telemetry: batch dropped"]);
  });

  it("counts as dropped what an answer says was not taken of a batch", async () => {
    const { invoke } = newShipper();
    answers.push(async () => Response.json({ refused: 2 }));
    invoke("a", "b", "c");
    await pass(2_500);
    expect(counted()).toEqual([1, 2]);
    answers.push(async () => Response.json({ refused: 99 }));
    invoke("d");
    await pass(2_500);
    expect(counted()).toEqual([1, 3]);
  });

  it("waits as long as it is asked to, though not for ever", async () => {
    const { invoke } = newShipper();
    answers.push(status(429, { "Retry-After": "8" }), status(429, { "Retry-After": "999999" }));
    invoke("a");
    await pass(9_900);
    expect(bodies).toHaveLength(1);
    await pass(400);
    expect(bodies).toHaveLength(2);
    await pass(5 * 60_000);
    invoke();
    await pass(100);
    expect(counted()).toEqual([1, 0]);
  });

  it("waits longer from one failure to the next", async () => {
    const { invoke } = newShipper();
    const times: number[] = [];
    vi.stubGlobal("fetch", async () => {
      times.push(Date.now());
      return new Response(null, { status: 500 });
    });
    invoke("a");
    await pass(11_000);
    const pauses = times.slice(1).map((time, i) => time - (times[i] as number));
    expect(pauses).toHaveLength(4);
    for (const [i, pause] of pauses.entries()) {
      expect(pause).toBeGreaterThanOrEqual(375 * 2 ** i);
      expect(pause).toBeLessThanOrEqual(500 * 2 ** i + 100);
    }
  });

  it("an invocation ends within 25 s, and what it has not sent the next one sends", async () => {
    const { invoke } = newShipper();
    answers.push(...Array<Answer>(9).fill(never));
    const first = invoke("a");
    await pass(25_000);
    expect(first.ended).toBe(true);
    expect(counted()).toEqual([0, 0]);
    answers.length = 0;
    await pass(60_000);
    invoke();
    await pass(100);
    expect(counted()).toEqual([1, 0]);
  });

  it("one that is torn down in the middle of a push holds nobody up, and its late answer counts nothing twice", async () => {
    const { invoke } = newShipper();
    const late = Promise.withResolvers<Response>();
    answers.push(() => late.promise);
    invoke("a");
    await pass(2_100);
    expect(bodies).toEqual(["a"]);
    tearDown();
    const second = Promise.withResolvers<Response>();
    answers.push(() => second.promise);
    invoke("b");
    await pass(11_800);
    expect(bodies).toEqual(["a"]);
    await pass(2_000);
    expect(bodies).toEqual(["a", "a"]);
    late.resolve(new Response(null, { status: 204 }));
    await pass(3_000);
    // Somebody else has its batch now: that push is the one that counts, and none begins beside it.
    expect([bodies, counted()]).toEqual([
      ["a", "a"],
      [0, 0],
    ]);
    second.resolve(new Response(null, { status: 204 }));
    invoke();
    await pass(1_000);
    expect(bodies).toEqual(["a", "a", "b"]);
    expect(counted()).toEqual([2, 0]);
  });

  it("a few invocations watch, the others end at once", async () => {
    const { invoke } = newShipper();
    const all = Array.from({ length: 100 }, (_, i) => invoke(`${i}`));
    await pass(1);
    expect(all.filter(({ ended }) => !ended)).toHaveLength(2);
    await pass(2_200);
    expect([bodies.length, counted()]).toEqual([1, [100, 0]]);
  });

  it("watchers that were torn down are replaced", async () => {
    const { invoke } = newShipper();
    invoke("a");
    invoke("b");
    await pass(100);
    tearDown();
    await pass(2_500);
    invoke("c");
    await pass(100);
    expect(bodies).toEqual(["a,b,c"]);
  });

  it("watchers that are about to leave are not relied on", async () => {
    const { invoke } = newShipper();
    answers.push(status(500, { "Retry-After": "12" }), status(500, { "Retry-After": "3" }));
    const leaving = [invoke("a"), invoke("b")];
    await pass(13_000);
    invoke("c");
    await pass(2_000);
    expect(leaving.every(({ ended }) => ended)).toBe(true);
    expect(counted()).toEqual([0, 0]);
    await pass(3_000);
    expect(counted()).toEqual([3, 0]);
  });

  it("gives up a batch after ten minutes: what comes after it may go through", async () => {
    const { invoke, told } = newShipper();
    vi.stubGlobal("fetch", async (request: Request) => {
      const body = await request.text();
      bodies.push(body);
      return new Response(null, { status: body.includes("poison") ? 500 : 204 });
    });
    invoke("poison");
    for (let minute = 0; minute < 12; minute++) {
      await pass(60_000);
      invoke(minute === 0 ? "good" : "");
    }
    await pass(5_000);
    expect(counted()).toEqual([12, 1]);
    expect(told()).toContain("telemetry: batch dropped");
  });

  it("in an outage it holds so much and no more, and counts what it drops", async () => {
    const { invoke } = newShipper();
    answers.push(...Array<Answer>(1_000).fill(status(503)));
    for (let second = 0; second < 60; second++) {
      invoke(...Array.from({ length: 200 }, (_, i) => `${second}/${i}`));
      await pass(1_000);
    }
    const [, dropped] = counted();
    expect(dropped).toBe(60 * 200 - 5_000);
    answers.length = 0;
    bodies.length = 0;
    await pass(60_000);
    invoke();
    await pass(10_000);
    expect(counted()).toEqual([5_000, 7_000]);
    const arrived = bodies.join(",").split(",");
    expect([arrived.length, arrived[0], arrived.at(-1)]).toEqual([5_000, "35/0", "59/199"]);
  });

  it("what is on the wire is not dropped for what comes meanwhile", async () => {
    const { invoke } = newShipper({ maxItems: 3, batchItems: 2 });
    const slow = Promise.withResolvers<Response>();
    answers.push(() => slow.promise);
    invoke("a", "b");
    await pass(100);
    invoke("c", "d", "e");
    slow.resolve(new Response(null, { status: 204 }));
    await pass(3_000);
    expect(bodies).toEqual(["a,b", "e"]);
    expect(counted()).toEqual([3, 2]);
  });

  it("with a url or header that no request can be made of, drops and tells, and not what they hold", async () => {
    const { invoke, events } = newShipper({}, { Authorization: "se\ncret" });
    invoke("a");
    await pass(3_000);
    expect(counted()).toEqual([0, 1]);
    expect(events).toHaveLength(1);
    expect(JSON.stringify(events)).not.toContain("cret");
  });
});
