import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ALERT_NAMES, type AlertName } from "../../src/ports/alerts.ts";
import type { TelegramOutcome } from "../../src/providers/telegram/telegram.ts";
import { DESK_START } from "../../test/workerd/support/naive-desk.ts";
import type { Note } from "./matters.ts";
import { begun, EMPTY_OUTBOX, MAX_WAITING, nextSendAt, type Outbox, queued, type Sent, settled } from "./outbox.ts";
import { ruleOf } from "./rules.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const note = (name: AlertName, kind: Note["kind"] = "first", count = 1, about = "a"): Note => ({
  ...{ kind, name, about, count, what: "w", advice: "a", worker: "api", since: DESK_START, total: count },
});

/** An outbox and the people at its other end, on a clock of their own. */
class Channel {
  now = DESK_START;
  outbox: Outbox = EMPTY_OUTBOX;
  readonly calls: { id: number; at: number; endedAt: number; outcome: string; plain: boolean }[] = [];
  readonly told: Note[] = [];
  readonly toldOthers: Partial<Record<AlertName, number>>[] = [];
  readonly dropped: { name: string; why: string }[] = [];
  raised = 0;

  apply({ outbox, dropped }: Sent): void {
    // What an object remembers after an eviction.
    this.outbox = JSON.parse(JSON.stringify(outbox)) as Outbox;
    for (const drop of dropped) {
      this.dropped.push({ name: drop.note.kind === "others" ? "others" : drop.note.name, why: drop.why });
      if (drop.note.kind === "others") this.toldOthers.push(drop.note.counts);
    }
  }

  queue(given: Note): void {
    this.raised += given.count;
    this.apply(queued(this.outbox, given, this.now));
  }

  /** The alarm: sends what is due, and hears `outcome` after `tookMs`; null: it dies on the way. */
  ring(outcome: TelegramOutcome | null, tookMs = 100): boolean {
    const { outbox, message } = begun(this.outbox, this.now);
    this.apply({ outbox, dropped: [] });
    if (message === null) return false;
    const call = { id: message.id, at: this.now, endedAt: this.now + tookMs, plain: message.plain };
    this.calls.push({ ...call, outcome: outcome?.kind ?? "died" });
    this.now += tookMs;
    if (outcome === null) return true;
    if (outcome.kind === "sent") {
      if (message.note.kind === "others") this.toldOthers.push(message.note.counts);
      else this.told.push(message.note);
    }
    this.apply(settled(this.outbox, message.id, outcome, this.now));
    return true;
  }

  /** Until nothing waits; at most so many calls. */
  drain(outcome: TelegramOutcome, maxCalls = 500): number {
    let calls = 0;
    for (let at = nextSendAt(this.outbox); at !== null && calls < maxCalls; at = nextSendAt(this.outbox)) {
      this.now = Math.max(this.now, at);
      if (this.ring(outcome)) calls++;
    }
    return calls;
  }

  get accounted(): number {
    const sum = (counts: Partial<Record<string, number>>) =>
      Object.values(counts).reduce<number>((total, n) => total + (n ?? 0), 0);
    const waiting = this.outbox.waiting.map(({ note: its }) => (its.kind === "others" ? sum(its.counts) : its.count));
    return [
      ...this.told.map(({ count }) => count),
      ...this.toldOthers.map(sum),
      ...waiting,
      sum(this.outbox.tally?.told.counts ?? {}),
    ].reduce((total, n) => total + n, 0);
  }
}

const SENT: TelegramOutcome = { kind: "sent" };
const FAILED: TelegramOutcome = { kind: "retry", afterMs: null, detail: "" };
const REJECTED: TelegramOutcome = { kind: "rejected", detail: "" };
const MISCONFIGURED: TelegramOutcome = { kind: "misconfigured", detail: "" };
const wait = (afterMs: number): TelegramOutcome => ({ kind: "retry", afterMs, detail: "" });

const arbitraryOutcome = fc.oneof(
  { weight: 6, arbitrary: fc.constant(SENT) },
  { weight: 3, arbitrary: fc.constant(FAILED) },
  { weight: 1, arbitrary: fc.constantFrom(REJECTED, MISCONFIGURED, null) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 90_000 }).map(wait) },
);
const arbitraryStep = fc.oneof(
  fc.record({
    do: fc.constant("queue" as const),
    name: fc.constantFrom(...ALERT_NAMES),
    kind: fc.constantFrom("first" as const, "summary" as const),
    count: fc.integer({ min: 1, max: 50 }),
    times: fc.constantFrom(1, 1, 3, 40),
  }),
  fc.record({
    do: fc.constant("ring" as const),
    outcome: arbitraryOutcome,
    tookMs: fc.integer({ min: 0, max: 10_000 }),
  }),
  fc.record({
    do: fc.constant("wait" as const),
    ms: fc.oneof(fc.integer({ min: 0, max: 20_000 }), fc.constant(HOUR_MS)),
  }),
);

describe("whatever is queued, fails, waits and dies", () => {
  const property = (check: (channel: Channel) => void) =>
    fc.assert(
      fc.property(fc.array(arbitraryStep, { maxLength: 120 }), (steps) => {
        const channel = new Channel();
        for (const step of steps) {
          if (step.do === "wait") channel.now += step.ms;
          else if (step.do === "queue") {
            for (let i = 0; i < step.times; i++) channel.queue(note(step.name, step.kind, step.count));
          } else {
            channel.now = Math.max(channel.now, nextSendAt(channel.outbox) ?? 0);
            channel.ring(step.outcome, step.tookMs);
          }
        }
        check(channel);
      }),
      { numRuns: 400 },
    );

  it("every alert is told, waiting or counted: none is lost, and none told twice but by one that died on the way", () => {
    property((channel) => {
      expect(channel.accounted).toBe(channel.raised);
      channel.drain(SENT);
      expect(channel.accounted).toBe(channel.raised);
      expect(channel.outbox).toMatchObject({ waiting: [], tally: null });
    });
  });

  it("never more than one call in three seconds, and twenty in a minute, nor two at once", () => {
    property(({ calls }) => {
      for (const [i, call] of calls.entries()) {
        const next = calls[i + 1];
        if (next) expect(next.at - (call.outcome === "died" ? call.at : call.endedAt)).toBeGreaterThanOrEqual(3_000);
        const inMinute = calls.filter(({ at }) => at >= call.at && at < call.at + MINUTE_MS);
        expect(inMinute.length).toBeLessThanOrEqual(20);
      }
    });
  });

  it("at most a hundred wait, and one message about those that had no room", () => {
    property(({ outbox }) => {
      const tallies = outbox.waiting.filter(({ note: its }) => its.kind === "others");
      expect(tallies.length).toBeLessThanOrEqual(1);
      expect(outbox.waiting.length - tallies.length).toBeLessThanOrEqual(MAX_WAITING);
    });
  });

  it("messages leave in the order in which they came, but for those about others", () => {
    property((channel) => {
      channel.drain(SENT);
      const others = new Set<number>();
      const ids = channel.calls.filter(({ outcome }) => outcome === "sent").map(({ id }) => id);
      expect(channel.toldOthers.length + channel.told.length).toBeGreaterThanOrEqual(ids.length);
      const inOrder = ids.filter((id, i) => ids.slice(i + 1).every((later) => later > id) || !others.add(id));
      expect(ids.length - inOrder.length).toBeLessThanOrEqual(channel.toldOthers.length);
    });
  });
});

describe("too many at once", () => {
  it("cost the oldest of lowest worth: warnings before critical ones, summaries before what is new", () => {
    const channel = new Channel();
    channel.queue(note("metrics_loss", "summary"));
    for (let i = 1; i < MAX_WAITING - 2; i++) channel.queue(note("circuit_opened"));
    channel.queue(note("metrics_loss", "first", 2));
    channel.queue(note("dead_letter", "summary", 3));
    expect(channel.dropped).toEqual([]);
    channel.queue(note("otp_pumping"));
    channel.queue(note("otp_pumping"));
    channel.queue(note("otp_pumping"));
    // The very first may be on its way.
    expect(channel.dropped.map(({ name }) => name)).toEqual(["metrics_loss", "dead_letter", "circuit_opened"]);
    expect(channel.outbox.tally?.told.counts).toEqual({ metrics_loss: 2, dead_letter: 3, circuit_opened: 1 });
    expect(ruleOf("metrics_loss").severity).toBe("warning");
  });

  it("those without room are told when all others are, or ten minutes after the first of them", () => {
    const channel = new Channel();
    for (let i = 0; i < MAX_WAITING + 5; i++) channel.queue(note("dead_letter"));
    expect(channel.drain(SENT)).toBe(MAX_WAITING + 1);
    expect(channel.toldOthers).toEqual([{ dead_letter: 5 }]);
    for (let i = 0; i < MAX_WAITING + 5; i++) channel.queue(note("dead_letter"));
    channel.now += 10 * MINUTE_MS;
    channel.ring(SENT);
    expect(channel.toldOthers).toEqual([{ dead_letter: 5 }, { dead_letter: 5 }]);
  });
});

describe("a message that does not get through", () => {
  const waits = (channel: Channel, outcome: TelegramOutcome, calls: number) =>
    Array.from({ length: calls }, () => {
      channel.now = Math.max(channel.now, nextSendAt(channel.outbox) ?? 0);
      channel.ring(outcome, 0);
      return ((nextSendAt(channel.outbox) ?? Number.NaN) - channel.now) / 1_000;
    });

  it("for want of an answer is tried after 5 s, 10 s … 5 min, by itself and in its place, for a day, and then counted", () => {
    const channel = new Channel();
    channel.queue(note("dead_letter"));
    channel.queue(note("circuit_opened"));
    expect(waits(channel, FAILED, 9)).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300]);
    expect(new Set(channel.calls.map(({ id }) => id))).toEqual(new Set([1]));
    channel.now = DESK_START + 24 * HOUR_MS - 1;
    channel.ring(FAILED, 0);
    expect(channel.dropped).toEqual([]);
    channel.now += 5 * MINUTE_MS;
    channel.queue(note("budget_spent"));
    channel.ring(FAILED, 0);
    expect(channel.dropped).toEqual([
      { name: "dead_letter", why: "outdated" },
      { name: "circuit_opened", why: "outdated" },
    ]);
    channel.drain(SENT);
    expect(channel.told.map(({ name }) => name)).toEqual(["budget_spent"]);
    expect(channel.toldOthers).toEqual([{ dead_letter: 1, circuit_opened: 1 }]);
  });

  it("starts over with short pauses once one got through", () => {
    const channel = new Channel();
    channel.queue(note("dead_letter"));
    channel.queue(note("circuit_opened"));
    waits(channel, FAILED, 5);
    expect(waits(channel, SENT, 1)).toEqual([3]);
    expect(waits(channel, FAILED, 2)).toEqual([5, 10]);
  });

  it.each([
    [0, 3],
    [1, 3],
    [37, 37],
    [7_200, 7_200],
    [1e9, 86_400],
  ])("because Telegram wants a pause of %s s waits %s s, and does not age", (asked, waited) => {
    const channel = new Channel();
    channel.queue(note("dead_letter"));
    expect(waits(channel, wait(asked * 1_000), 1)).toEqual([waited]);
    channel.now = DESK_START + 48 * HOUR_MS;
    waits(channel, wait(asked * 1_000), 1);
    waits(channel, FAILED, 1);
    expect(channel.dropped).toEqual([]);
  });

  it("because of token or chat is kept however long that takes, and tried every ten minutes", () => {
    const channel = new Channel();
    channel.queue(note("dead_letter"));
    expect(new Set(waits(channel, MISCONFIGURED, 1_000))).toEqual(new Set([600]));
    expect(channel.now - DESK_START).toBeGreaterThan(6 * 24 * HOUR_MS);
    expect(waits(channel, FAILED, 3)).toEqual([5, 10, 20]);
    channel.drain(SENT);
    expect(channel.told).toHaveLength(1);
    expect(channel.dropped).toEqual([]);
  });

  it("because of its text is tried once more without marks, then counted, and holds nobody up", () => {
    const channel = new Channel();
    channel.queue(note("dead_letter"));
    channel.queue(note("circuit_opened"));
    expect(waits(channel, REJECTED, 1)).toEqual([3]);
    waits(channel, FAILED, 1);
    expect(waits(channel, REJECTED, 1)).toEqual([3]);
    expect(channel.calls.map(({ id, plain }) => [id, plain])).toEqual([
      [1, false],
      [1, true],
      [1, true],
    ]);
    expect(channel.dropped).toEqual([{ name: "dead_letter", why: "rejected" }]);
    channel.drain(SENT);
    expect(channel.told.map(({ name }) => name)).toEqual(["circuit_opened"]);
    expect(channel.toldOthers).toEqual([{ dead_letter: 1 }]);
  });

  it("because its process died is sent again, fifteen seconds later", () => {
    const channel = new Channel();
    channel.queue(note("dead_letter"));
    channel.ring(null);
    expect((nextSendAt(channel.outbox) ?? 0) - DESK_START).toBe(15_000);
    channel.drain(SENT);
    expect(channel.told).toHaveLength(1);
  });
});
