import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { smsOutbox } from "../../../src/db/d1/schema/index.ts";
import { deliverSms, sweepIdentity } from "../../../src/modules/auth/jobs.ts";
import type { PendingSms } from "../../../src/modules/auth/sealed-sms.ts";
import { SmsError } from "../../../src/ports/sms-sender.ts";
import { consumeSms } from "../../../src/queues/sms.consumer.ts";
import { newPhone, signUp } from "../support/client.ts";
import { db } from "../support/database.ts";
import { type Scripted, type SmsStage, scriptedSender, smsStage } from "../support/sms.ts";

const CLAIM_MS = 20_000;
const SWEEP_AFTER_MS = 5_000;

let stages: SmsStage[] = [];
let secrets: string[] = [];

beforeEach(async () => {
  stages = [];
  secrets = [];
  await db.delete(smsOutbox);
});

afterEach(() => {
  vi.restoreAllMocks();
  // Whatever a test was about: no log line tells a code or a phone.
  const lines = stages.flatMap((stage) => stage.lines).join("\n");
  for (const secret of secrets) expect(lines).not.toMatch(new RegExp(`\\b${secret}\\b`));
});

function message(change: Partial<PendingSms> = {}): PendingSms {
  const digits = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const made: PendingSms = {
    to: newPhone(),
    code: String(100_000 + (digits % 900_000)),
    purpose: "register",
    ...change,
  };
  secrets.push(made.to.slice(1), `0?${made.to.slice(3)}`, made.code);
  return made;
}

/** One message on a stage whose provider answers as told. */
async function staged(answers: readonly Scripted[] = [], sms = message(), options: { ttlMs?: number } = {}) {
  const sender = scriptedSender(...answers);
  const stage = smsStage(sender);
  stages.push(stage);
  return { sender, stage, sms, id: await stage.add(sms, options) };
}

/** Delivers until it is done, each time as late as asked; tells the delays. */
async function deliverToTheEnd(stage: SmsStage, id: string): Promise<number[]> {
  const delays: number[] = [];
  for (;;) {
    const delivery = await deliverSms(stage.deps, id);
    if (delivery.kind === "done") return delays;
    delays.push(delivery.delayMs);
    stage.advance(Math.ceil(delivery.delayMs));
  }
}

const failureOf = (stage: SmsStage) => stage.lines.map((line) => (JSON.parse(line) as { failure?: string }).failure);

describe("a message", () => {
  it("is sent once and forgotten, with the time its code has left", async () => {
    const { sender, stage, sms, id } = await staged([], message(), { ttlMs: 300_000 });
    stage.advance(100_000);
    expect(await deliverSms(stage.deps, id)).toEqual({ kind: "done" });
    expect(sender.calls).toEqual([{ to: sms.to, code: sms.code, ttlMs: expect.any(Number) }]);
    const left = sender.calls[0]?.ttlMs ?? 0;
    expect(left).toBeLessThanOrEqual(200_000);
    expect(left).toBeGreaterThan(195_000);
    expect(await stage.row(id)).toBeUndefined();
  });

  it("that the queue brings 20 times at once, and again afterwards, is sent once", async () => {
    const { sender, stage, id } = await staged();
    await Promise.all(Array.from({ length: 20 }, () => deliverSms(stage.deps, id)));
    stage.advance(2 * CLAIM_MS);
    await deliverSms(stage.deps, id);
    expect(sender.calls).toHaveLength(1);
  });

  it("that comes before it is due by a clock a little behind is sent all the same", async () => {
    const { sender, stage, id } = await staged();
    stage.advance(-400);
    await deliverSms(stage.deps, id);
    expect(sender.calls).toHaveLength(1);
    await deliverSms(stage.deps, id);
    expect(sender.calls).toHaveLength(1);
  });

  it("is given to the provider with a signal that fires after ten seconds", async () => {
    const running = new AbortController();
    const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValue(running.signal);
    const signals: AbortSignal[] = [];
    const stage = smsStage({ sendOtp: async (_, { signal }) => void signals.push(signal) });
    await deliverSms(stage.deps, await stage.add(message()));
    expect(timeout).toHaveBeenCalledWith(10_000);
    expect(signals).toEqual([running.signal]);
  });

  it("sealed under a secret that is no longer known is dropped", async () => {
    const { sender, stage } = await staged();
    const id = await stage.add(message(), { jwtSecret: "a-secret-from-before-a-secret-from-before" });
    await deliverSms(stage.deps, id);
    expect(sender.calls).toEqual([]);
    expect(await stage.row(id)).toBeUndefined();
    expect(stage.lines.at(-1)).toContain("code not sent");
  });
});

describe("when the provider fails", () => {
  it.each(["unavailable", "timeout"] as const)(
    "with %s, the message is tried five times, ever later, and given up",
    async (failure) => {
      const { sender, stage, id } = await staged(Array(9).fill(failure));
      const delays = await deliverToTheEnd(stage, id);
      expect(delays).toHaveLength(4);
      for (const [i, delay] of delays.entries()) {
        expect(delay).toBeGreaterThanOrEqual(1_000 * 2 ** i);
        expect(delay).toBeLessThanOrEqual(2_000 * 2 ** i);
      }
      expect(sender.calls).toHaveLength(5);
      expect(await stage.row(id)).toBeUndefined();
      expect(failureOf(stage)).toEqual(Array(5).fill(failure));
      expect(stage.lines.at(-1)).toContain("code not sent");
    },
  );

  it("for a while, the message arrives once, with the same code", async () => {
    const { sender, stage, sms, id } = await staged(["unavailable", "rate_limited", "timeout"]);
    expect(await deliverToTheEnd(stage, id)).toHaveLength(3);
    expect(new Set(sender.calls.map(({ code }) => code))).toEqual(new Set([sms.code]));
    expect(sender.calls).toHaveLength(4);
    expect(await stage.row(id)).toBeUndefined();
  });

  it("and says how long to wait, it is not asked sooner, nor later than in a minute", async () => {
    const waits = [7_000, 3_600_000].map((retryAfterMs) => new SmsError("rate_limited", "test", { retryAfterMs }));
    const { stage, id } = await staged(waits);
    expect(await deliverToTheEnd(stage, id)).toEqual([7_000, 60_000]);
  });

  it("with a rejection, the message is never tried again", async () => {
    const { sender, stage, id } = await staged(["rejected"]);
    expect(await deliverToTheEnd(stage, id)).toEqual([]);
    stage.advance(CLAIM_MS);
    await deliverSms(stage.deps, id);
    expect(sender.calls).toHaveLength(1);
    expect(await stage.row(id)).toBeUndefined();
    expect(failureOf(stage)).toEqual(["rejected"]);
  });

  it("for its configuration, it is given an operator's time", async () => {
    const { stage, id } = await staged(["config"]);
    const [delay = 0] = await deliverToTheEnd(stage, id);
    expect(delay).toBeGreaterThanOrEqual(15_000);
    expect(delay).toBeLessThanOrEqual(30_000);
  });

  it("in a way nobody thought of, that is an outage", async () => {
    const { sender, stage, id } = await staged([new TypeError("boom")]);
    expect(await deliverToTheEnd(stage, id)).toHaveLength(1);
    expect(sender.calls).toHaveLength(2);
    expect(failureOf(stage)[0]).toBe("unavailable");
  });

  it("the message waits its time out, whoever brings it sooner", async () => {
    const { sender, stage, id } = await staged(["unavailable"]);
    const delivery = await deliverSms(stage.deps, id);
    const delayMs = delivery.kind === "later" ? delivery.delayMs : 0;
    expect(await deliverSms(stage.deps, id)).toEqual({ kind: "done" });
    expect(sender.calls).toHaveLength(1);
    stage.advance(delayMs + 1);
    await Promise.all(Array.from({ length: 20 }, () => deliverSms(stage.deps, id)));
    expect(sender.calls).toHaveLength(2);
  });
});

describe("a code that has expired", () => {
  it("is not sent", async () => {
    const { sender, stage, id } = await staged([], message(), { ttlMs: 1_000 });
    stage.advance(1_000);
    await deliverSms(stage.deps, id);
    expect(sender.calls).toEqual([]);
    expect(await stage.row(id)).toBeUndefined();
  });

  it("before the next try is given up at once", async () => {
    const { sender, stage, id } = await staged(["unavailable"], message(), { ttlMs: 900 });
    expect(await deliverToTheEnd(stage, id)).toEqual([]);
    expect(sender.calls).toHaveLength(1);
    expect(await stage.row(id)).toBeUndefined();
  });
});

describe("whether the phone has an account", () => {
  it.each(["login", "password_reset"] as const)(
    "decides at delivery whether a %s code is sent; either way the row goes",
    async (purpose) => {
      const { phone } = await signUp();
      const known = await staged([], message({ to: phone, purpose }));
      const unknown = await staged([], message({ purpose }));
      for (const { stage, id } of [known, unknown]) {
        await deliverSms(stage.deps, id);
        expect(await stage.row(id)).toBeUndefined();
      }
      expect(known.sender.calls).toHaveLength(1);
      expect(unknown.sender.calls).toEqual([]);
      expect(unknown.stage.lines).toEqual([]);
    },
  );

  it("makes no difference to a register code", async () => {
    const { phone } = await signUp();
    for (const to of [phone, newPhone()]) {
      const { sender, stage, id } = await staged([], message({ to }));
      await deliverSms(stage.deps, id);
      expect(sender.calls.map((call) => call.to)).toEqual([to]);
    }
  });
});

describe("the sweep", () => {
  it("sends what was claimed by somebody who died, once the claim has run out, and once", async () => {
    const { sender, stage, id } = await staged();
    await stage.deps.smsOutbox.claim(id, { now: stage.now(), until: stage.now() + CLAIM_MS });
    stage.advance(CLAIM_MS);
    await sweepIdentity(stage.deps);
    expect(sender.calls).toEqual([]);
    stage.advance(SWEEP_AFTER_MS);
    await Promise.all(Array.from({ length: 5 }, () => sweepIdentity(stage.deps)));
    expect(sender.calls).toHaveLength(1);
    expect(await stage.row(id)).toBeUndefined();
  });

  it("leaves what has just come to the queue, and sends what the queue forgot, even beside a failing one", async () => {
    const { sender, stage, id: failing } = await staged(["unavailable"]);
    const forgotten = await stage.add(message());
    await sweepIdentity(stage.deps);
    expect(sender.calls).toEqual([]);
    stage.advance(SWEEP_AFTER_MS);
    const fresh = await stage.add(message());
    await sweepIdentity(stage.deps);
    expect(sender.calls).toHaveLength(2);
    expect([await stage.row(failing), await stage.row(forgotten), await stage.row(fresh)]).toEqual([
      expect.objectContaining({ attempts: 1 }),
      undefined,
      expect.objectContaining({ attempts: 0 }),
    ]);
    stage.advance(60_000);
    expect(await sweepIdentity(stage.deps)).toMatchObject({ messagesTried: 2 });
  });
});

describe("a queue message", () => {
  async function consume(stage: SmsStage, body: unknown) {
    const answers: unknown[] = [];
    const delivery = {
      id: "1",
      attempts: 1,
      ack: () => answers.push("ack"),
      retry: (options: unknown) => answers.push(options),
    };
    await consumeSms(stage.deps, "ai-styler-sms", { ...delivery, body });
    return answers;
  }

  it("is acknowledged when its code was sent, rejected, expired or is nobody's to send", async () => {
    const scenes = [
      await staged(),
      await staged(["rejected"]),
      await staged([], message(), { ttlMs: 0 }),
      await staged([], message({ purpose: "login" })),
    ];
    for (const { stage, id } of scenes) {
      expect(await consume(stage, { v: 1, type: "sms.send", smsId: id })).toEqual(["ack"]);
      expect(await consume(stage, { v: 1, type: "sms.send", smsId: id })).toEqual(["ack"]);
    }
  });

  it("comes again no sooner than its code is due", async () => {
    const { sender, stage, id } = await staged([new SmsError("rate_limited", "test", { retryAfterMs: 6_500 })]);
    expect(await consume(stage, { v: 1, type: "sms.send", smsId: id })).toEqual([{ delaySeconds: 7 }]);
    stage.advance(7_000);
    expect(await consume(stage, { v: 1, type: "sms.send", smsId: id })).toEqual(["ack"]);
    expect(sender.calls).toHaveLength(2);
  });

  it("comes again when the database fails, and is acknowledged when nobody can read it", async () => {
    const { stage, id } = await staged();
    const gone = { ...stage.deps.smsOutbox, claim: () => Promise.reject(new Error("D1_ERROR: gone")) };
    const down = { ...stage, deps: { ...stage.deps, smsOutbox: gone } };
    expect(await consume(down, { v: 1, type: "sms.send", smsId: id })).toEqual([{ delaySeconds: 2 }]);
    for (const body of [null, "x", { v: 2, type: "sms.send", smsId: id }, { v: 1, type: "sms.send", smsId: 1 }]) {
      expect(await consume(stage, body)).toEqual(["ack"]);
    }
  });
});
