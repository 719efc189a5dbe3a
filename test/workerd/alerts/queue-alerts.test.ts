import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/kernel/clock.ts";
import { createLogger } from "../../../src/kernel/logger.ts";
import type { Alert } from "../../../src/ports/alerts.ts";
import { noErrorReporter } from "../../../src/ports/error-reporter.ts";
import type { Metrics } from "../../../src/ports/metrics.ts";
import { createQueueAlerts } from "../../../src/providers/cloudflare/queue-alerts.ts";
import { consumeAlerts } from "../../../src/queues/alerts.consumer.ts";
import { parseMessage, type QueueMessage } from "../../../src/queues/messages.ts";
import { freezeClock, MINUTE_MS, setClock } from "../support/limiter-object.ts";
import { desksOfTests, newDesk } from "./support.ts";

const HOLD_MS = 150;
const QUEUE = "ai-styler-alerts";

type AlertMessage = Extract<QueueMessage, { type: "alert.raise" }>;

const ALERT: Alert = { name: "dead_letter", about: "a-queue", what: "given up", advice: "replay it" };

/** One isolate, with a queue that does what the test says. */
function isolate() {
  const sent: unknown[] = [];
  const counts = new Map<string, number>();
  const lines: Record<string, unknown>[] = [];
  const pending: Promise<unknown>[] = [];
  let fate: (() => Promise<void>) | null = null;
  const queue = {
    async send(body: unknown) {
      await fate?.();
      sent.push(structuredClone(body));
    },
  } as unknown as Queue;
  const metrics: Metrics = {
    count(name, labels, by = 1) {
      const key = [name, ...Object.values(labels)].join(" ");
      counts.set(key, (counts.get(key) ?? 0) + by);
    },
    time() {},
  };
  const logger = createLogger({ level: "info", format: "json" }, {}, (line) => void lines.push(JSON.parse(line)));
  return {
    queue,
    lines,
    counts,
    logger,
    metrics,
    sent: sent as AlertMessage[],
    fail(how: (() => Promise<void>) | null) {
      fate = how;
    },
    /** As one invocation of it has them. */
    alerts: () =>
      createQueueAlerts(queue, {
        logger,
        metrics,
        worker: "api",
        holdMs: HOLD_MS,
        background: (task) => void pending.push(task),
      }),
    async settled() {
      while (pending.length > 0) await Promise.all(pending.splice(0));
    },
  };
}

describe("an alert that is raised", () => {
  it("is in the log, in the metric, and on the queue as a message that can be read", async () => {
    const { alerts, settled, lines, counts, sent } = isolate();
    const before = Date.now();
    alerts().raise(ALERT);
    await settled();
    expect(lines).toMatchObject([{ level: "error", msg: "given up", alert: "dead_letter", about: "a-queue" }]);
    expect(Object.fromEntries(counts)).toEqual({ "alerts_raised_total dead_letter": 1 });
    expect(sent).toEqual([{ v: 1, type: "alert.raise", alert: ALERT, at: expect.any(Number), worker: "api" }]);
    expect(sent[0]?.at).toBeGreaterThanOrEqual(before);
    expect(parseMessage(sent[0])).toEqual(sent[0]);
  });

  it("a thousand times costs two messages, which stand for all of them, whoever raises them", async () => {
    const { alerts, settled, counts, sent } = isolate();
    const invocations = Array.from({ length: 20 }, alerts);
    const before = Date.now();
    for (let i = 0; i < 50; i++) for (const one of invocations) one.raise({ ...ALERT, what: `number ${i}` });
    await settled();
    expect(sent.map(({ count, alert }) => [count ?? 1, alert.what])).toEqual([
      [1, "number 0"],
      [999, "number 49"],
    ]);
    expect(sent[1]?.at).toBeLessThan(before + HOLD_MS);
    expect(counts.get("alerts_raised_total dead_letter")).toBe(1_000);
  });

  it("waits for nobody else's matter", async () => {
    const { alerts, settled, sent } = isolate();
    for (const about of ["a", "b", "a"]) alerts().raise({ ...ALERT, about });
    alerts().raise({ ...ALERT, name: "circuit_opened" });
    expect(sent.map(({ alert }) => `${alert.name} ${alert.about}`)).toEqual([]);
    await Promise.resolve();
    await settled();
    expect(sent.slice(0, 3).map(({ alert }) => `${alert.name} ${alert.about}`)).toEqual([
      "dead_letter a",
      "dead_letter b",
      "circuit_opened a-queue",
    ]);
    expect(sent).toHaveLength(4);
  });

  it("while the storm goes on, each message carries those since the last", async () => {
    const { alerts, settled, sent } = isolate();
    const until = Date.now() + 5 * HOLD_MS;
    let raised = 0;
    while (Date.now() < until) {
      alerts().raise(ALERT);
      raised++;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await settled();
    expect(sent.length).toBeGreaterThanOrEqual(3);
    expect(sent.length).toBeLessThanOrEqual(7);
    expect(sent.reduce((sum, { count = 1 }) => sum + count, 0)).toBe(raised);
  });

  it("has well-formed texts that fit, without secrets, whatever they were", async () => {
    const { alerts, settled, sent } = isolate();
    const token = `7000000001:${"A1b2".repeat(9)}`;
    alerts().raise({ ...ALERT, about: "😀".repeat(5_000), what: `${"word ".repeat(199)}end😀😀`, advice: "\ud800" });
    alerts().raise({ ...ALERT, about: "b", what: `call +989121234567 with ${token}`, advice: "y".repeat(1e7) });
    await settled();
    for (const message of sent) expect(parseMessage(message)).toEqual(message);
    expect(sent[0]?.alert).toMatchObject({ what: `${"word ".repeat(199)}end…`, advice: "\ufffd" });
    expect(sent[0]?.alert.about).toBe(`${"😀".repeat(99)}…`);
    expect(JSON.stringify(sent)).not.toContain("9121234567");
    expect(JSON.stringify(sent)).not.toContain(token.slice(12));
  });
});

describe("a queue that can't be sent to", () => {
  it.each<[string, () => Promise<void>]>([
    ["rejects", () => Promise.reject(new Error("Queue is overloaded"))],
    [
      "throws at once",
      (() => {
        throw new Error("no queue");
      }) as never,
    ],
  ])("and %s fails nobody: it is told to the log, tried again with what came since, and carried on", async (_, how) => {
    const { alerts, settled, lines, sent, fail } = isolate();
    fail(how);
    alerts().raise(ALERT);
    alerts().raise(ALERT);
    await settled();
    expect(sent).toEqual([]);
    const warnings = lines.filter(({ level }) => level === "warn");
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatchObject({ msg: "an alert could not be sent", alert: "dead_letter" });
    fail(null);
    // It has gone on for a while: twice as long is held back now.
    await new Promise((resolve) => setTimeout(resolve, 2 * HOLD_MS));
    alerts().raise(ALERT);
    await settled();
    expect(sent.map(({ count }) => count)).toEqual([3]);
  });

  it("and comes back in time gets it without anybody raising it again", async () => {
    const { alerts, settled, sent, fail } = isolate();
    fail(() => Promise.reject(new Error("Queue is overloaded")));
    alerts().raise(ALERT);
    await Promise.resolve();
    await new Promise((resolve) => setTimeout(resolve, 20));
    fail(null);
    await settled();
    expect(sent).toMatchObject([{ alert: ALERT }]);
  });

  it("nor does a metric or a background that throws", () => {
    const { queue, logger, lines } = isolate();
    const broken = () => {
      throw new Error("broken");
    };
    const background = () => broken();
    const metrics: Metrics = { count: broken, time() {} };
    for (const deps of [
      { logger, background, metrics: { count() {}, time() {} } },
      { logger, background() {}, metrics },
    ]) {
      createQueueAlerts(queue, { ...deps, worker: "api" }).raise(ALERT);
    }
    expect(lines.filter(({ level }) => level === "error")).toHaveLength(2);
  });
});

describe("from the queue to people", () => {
  freezeClock();
  const deskLines = desksOfTests();
  let batches = 0;
  beforeEach(() => {
    batches = 0;
  });

  const deliver = async (deps: Parameters<typeof consumeAlerts>[0], bodies: readonly unknown[], attempts = 1) => {
    batches++;
    const messages = bodies.map((body, i) => ({ id: `${batches}-${i}`, timestamp: new Date(), attempts, body }));
    const batch = createMessageBatch(QUEUE, messages);
    await consumeAlerts(deps, batch.queue, batch.messages);
    return getQueueResult(batch, createExecutionContext());
  };

  it("what was raised arrives once with its number, in words for people, and the queue is done with it", async () => {
    const { alerts, settled, sent, logger, metrics } = isolate();
    const desk = newDesk();
    for (let i = 0; i < 40; i++) alerts().raise({ ...ALERT, what: "Message 7 was <given> up on" });
    await settled();
    const deps = { clock: systemClock, logger, metrics, errors: noErrorReporter, desk: () => desk.stub };
    const { explicitAcks } = await deliver(deps, sent);
    // The clock stands still: all but the first were held back, and have not been sent yet.
    expect(explicitAcks).toHaveLength(sent.length);
    await desk.ring();
    const [message] = await desk.messages();
    expect(message?.text.split("\n").slice(0, 6)).toEqual([
      "🔴 A message was given up on",
      "a-queue",
      "",
      "Message 7 was <given> up on",
      "",
      "What to do: replay it",
    ]);
    expect(message?.text.split("\n").at(-1)).toBe("api, production");
    setClock(MINUTE_MS);
    alerts().raise(ALERT);
    await settled();
    await deliver(deps, sent.slice(-1));
    setClock(11 * MINUTE_MS);
    await desk.ring();
    expect((await desk.messages())[1]?.text).toContain("40 more times in the last 10 minutes.");
    expect(deskLines).toEqual([]);
  });

  it("what nobody can read is told to the log and done with, and holds up no other", async () => {
    const { alerts, settled, sent, logger, metrics, lines } = isolate();
    const desk = newDesk();
    alerts().raise(ALERT);
    await settled();
    const [good] = sent as [AlertMessage];
    const bad = [
      { ...good, v: 2 },
      { ...good, alert: { ...good.alert, name: "Unheard of!" } },
      { ...good, alert: { ...good.alert, what: "x".repeat(1_001) } },
      { ...good, at: Number.NaN },
      { ...good, count: 0 },
      "text",
      null,
    ];
    const deps = { clock: systemClock, logger, metrics, errors: noErrorReporter, desk: () => desk.stub };
    const { explicitAcks, retryMessages } = await deliver(deps, [...bad, good]);
    expect([explicitAcks.length, retryMessages.length]).toEqual([bad.length + 1, 0]);
    expect(lines.filter(({ msg }) => msg === "unreadable queue message")).toHaveLength(bad.length);
    await desk.ring();
    expect(await desk.messages()).toHaveLength(1);
  });

  it("a desk that can't be asked gets it later, and later each time", async () => {
    const { alerts, settled, sent, logger, metrics, lines } = isolate();
    alerts().raise(ALERT);
    await settled();
    const desk = () => ({ take: () => Promise.reject(new Error("overloaded")) });
    const deps = { clock: systemClock, logger, metrics, errors: noErrorReporter, desk };
    const delays: (number | "done")[] = [];
    for (const attempts of [1, 2, 3, 8, 9, 10]) {
      const answer = {
        ack: () => void delays.push("done"),
        retry: (o: { delaySeconds: number }) => void delays.push(o.delaySeconds),
      };
      await consumeAlerts(deps, QUEUE, [{ id: "1", body: sent[0], attempts, ...answer }]);
    }
    expect(delays).toEqual([10, 20, 40, 1_280, 1_800, 1_800]);
    expect(lines.filter(({ msg }) => msg === "an alert could not be handed to the desk")).toHaveLength(6);
  });
});
