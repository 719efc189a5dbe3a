import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { AlertDesk } from "../../../durable-objects/index.ts";
import { createTelegram, type Telegram, type TelegramConfig } from "../../../src/providers/telegram/telegram.ts";
import { freezeClock, HOUR_MS, MINUTE_MS, setClock } from "../support/limiter-object.ts";
import { configWith, type Desk, desksOfTests, newDesk, type TelegramAnswer } from "./support.ts";

const SECOND_MS = 1_000;

const lines = desksOfTests();

describe("by itself", () => {
  const desks: Desk[] = [];
  afterEach(async () => {
    // No alarm is left to ring in another test.
    for (const { stub } of desks.splice(0)) await runInDurableObject(stub, (_, { storage }) => storage.deleteAll());
  });

  it("a new matter is told at once, and the next one three seconds later", async () => {
    const desk = newDesk();
    desks.push(desk);
    const startedAt = Date.now();
    await Promise.all([desk.take({ about: "one" }), desk.take({ about: "two" })]);
    await expect.poll(desk.messages, { timeout: 2_500 }).toHaveLength(1);
    await expect.poll(desk.messages, { timeout: 8_000 }).toHaveLength(2);
    const [first, second] = await desk.messages();
    expect((first?.at ?? 0) - startedAt).toBeLessThan(2_500);
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(3_000);
    expect(second?.text).toContain("two");
  });

  it("and one that gets no answer is tried again", async () => {
    const desk = newDesk();
    desks.push(desk);
    await desk.script("hang");
    desk.waitFor(1_500);
    await desk.take();
    await expect.poll(desk.messages, { timeout: 12_000 }).toHaveLength(1);
    expect(await desk.attempts()).toBe(2);
  });
});

describe("a message that does not get through", () => {
  freezeClock();

  it.each<[string, TelegramAnswer, number, string]>([
    ["is told to wait", { code: 429, parameters: { retry_after: 41 } }, 41, "warn"],
    ["meets a server that is ill", { code: 502 }, 5, "warn"],
    ["gets no answer", "hang", 5, "warn"],
    ["gets half an answer", "stall", 5, "warn"],
    ["loses its connection", "reset", 5, "warn"],
    ["gets somebody else's page", "garbage", 5, "warn"],
    ["has a token that is not valid", { code: 401 }, 600, "error"],
    ["is from a bot that was removed", { code: 403 }, 600, "error"],
    ["is sent elsewhere, which is not followed", "redirect", 600, "error"],
  ])("because it %s is sent again after its time, in its place", async (_what, answer, waitS, level) => {
    const desk = newDesk();
    await desk.script(answer);
    await desk.take({ about: "first" });
    await desk.take({ about: "second" });
    desk.waitFor(answer === "hang" || answer === "stall" ? 300 : null);
    await desk.ring();
    desk.waitFor(null);
    setClock(waitS * SECOND_MS - 1);
    await desk.ring();
    expect(await desk.attempts()).toBe(1);
    setClock(waitS * SECOND_MS);
    await desk.ring();
    setClock(waitS * SECOND_MS + 3_000);
    await desk.ring();
    const [first, second] = await desk.messages();
    expect([first?.text, second?.text]).toEqual([expect.stringContaining("first"), expect.stringContaining("second")]);
    expect(lines).toMatchObject([{ level, msg: "an alert could not be told", about: "first" }]);
  });

  it("because its text is refused goes out without marks; refused again it is counted, and holds nobody up", async () => {
    const desk = newDesk();
    await desk.script({ code: 400 });
    await desk.take({ about: "a<b" });
    await desk.ring();
    setClock(3_000);
    await desk.ring();
    expect(await desk.messages()).toMatchObject([{ html: false, text: expect.stringContaining("a<b") }]);
    await desk.script({ code: 400 }, { code: 400 });
    await desk.take({ about: "refused" });
    await desk.take({ about: "other" });
    for (let at = 6_000; at <= 15_000; at += 3_000) {
      setClock(at);
      await desk.ring();
    }
    const texts = (await desk.messages()).map(({ text }) => text);
    expect(texts.slice(1)).toEqual([expect.stringContaining("other"), expect.stringContaining("And 1 other alert\n")]);
    expect(lines.filter(({ dropped }) => dropped === "rejected")).toMatchObject([{ about: "refused", msg: "alert" }]);
  });

  it("for want of a chat is kept for days, and tried every ten minutes", async () => {
    const desk = newDesk();
    desk.configure(() => configWith({ ...desk.telegram, chatId: "-7" }));
    await desk.take();
    for (let i = 0; i < 20; i++) {
      setClock(i * 3 * HOUR_MS);
      await desk.ring();
    }
    expect(await desk.alarmAt()).toBe(setClock(19 * 3 * HOUR_MS) + 10 * MINUTE_MS);
    desk.configure(() => configWith(desk.telegram));
    setClock(60 * HOUR_MS);
    await desk.ring();
    expect(await desk.messages()).toHaveLength(1);
    expect(lines).toHaveLength(20);
    expect(lines[0]).toMatchObject({ level: "error", outcome: "misconfigured" });
  });

  it("for a day is given up, kept in the log and counted for those who come back", async () => {
    const desk = newDesk({ baseUrl: "http://127.0.0.1:9" });
    await desk.take();
    await desk.ring();
    setClock(24 * HOUR_MS);
    await desk.ring();
    expect(lines.at(-2)).toMatchObject({ level: "error", msg: "alert", dropped: "outdated", alert: "circuit_opened" });
    expect(await desk.rows()).toMatchObject({ waiting: 0 });
    desk.configure(() => configWith({ ...desk.telegram, baseUrl: newDesk().telegram.baseUrl }));
    setClock(25 * HOUR_MS);
    await desk.ring();
    expect((await desk.messages()).map(({ text }) => text.split("\n")[0])).toEqual(["⚪ And 1 other alert"]);
  });
});

describe("a death", () => {
  freezeClock();

  /** From now on, `send` happens and then the object dies, once. */
  function dieAfter(send: (telegram: { send(): Promise<unknown> }) => Promise<unknown>): void {
    const hooks = AlertDesk.prototype as unknown as { telegram(config: TelegramConfig): Telegram };
    vi.spyOn(hooks, "telegram").mockImplementationOnce(function (this: unknown, config) {
      const { ctx } = this as { ctx: DurableObjectState };
      return {
        async send(text) {
          await send({ send: () => createTelegram(config).send(text) });
          ctx.abort("died");
          return new Promise(() => {});
        },
      };
    });
  }

  async function ringAndDie(desk: Desk): Promise<void> {
    await desk.ring().catch(() => {});
  }

  it("before a message has left loses none: it is sent fifteen seconds later", async () => {
    const desk = newDesk();
    await desk.take({ about: "one" });
    await desk.take({ about: "two" });
    dieAfter(async () => {});
    await ringAndDie(desk);
    expect(await desk.attempts()).toBe(0);
    for (const at of [15_000, 18_500]) {
      setClock(at);
      await desk.ring();
    }
    expect((await desk.messages()).map(({ text }) => text.split("\n")[1])).toEqual(["one", "two"]);
  });

  it("after Telegram has taken it sends it twice, at the worst, and not before its pace allows", async () => {
    const desk = newDesk();
    await desk.take({ about: "one" });
    await desk.take({ about: "two" });
    dieAfter((telegram) => telegram.send());
    await ringAndDie(desk);
    setClock(14_999);
    await desk.ring();
    expect(await desk.messages()).toHaveLength(1);
    for (const at of [15_000, 18_500, 22_000]) {
      setClock(at);
      await desk.ring();
    }
    expect((await desk.messages()).map(({ text }) => text.split("\n")[1])).toEqual(["one", "one", "two"]);
  });
});

describe("whatever an alert says", () => {
  freezeClock();

  it.each([
    ["marks", "<b>bold</b> <script>alert(1)</script> </code>&amp;&#60;"],
    ["text from right to left", "\u202e\u2066gpj.exe\u2069\u200f سلام\u200cها"],
    ["more than fits", "x".repeat(20_000)],
    ["nothing but entities", "<&>".repeat(3_000)],
    ["half characters", "\ud83d half \ude00"],
    ["lines of its own", "one\r\n🔴 two\u2028three\n\nWhat to do: nothing"],
    ["control characters", "\0\u0007\u001b[31mred\u009b"],
    ["nothing", ""],
  ])("%s: it is told, in lines of ours, and counted as one matter across an eviction", async (_what, text) => {
    const desk = newDesk();
    const alert = { about: text, what: text, advice: text, worker: text };
    await desk.take(alert);
    await desk.ring();
    await evictDurableObject(desk.stub);
    await desk.take(alert);
    expect(await desk.rows()).toMatchObject({ matters: 1, waiting: 0 });
    const [message] = await desk.messages();
    expect(message?.html).toBe(true);
    expect(message?.text.split("\n").length).toBeLessThanOrEqual(9);
    expect(message?.text.split("\n").filter((line) => line.startsWith("What to do: "))).toHaveLength(1);
    expect(await desk.attempts()).toBe(1);
  });

  it("numbers and times that make no sense are put right", async () => {
    const desk = newDesk();
    await desk.take({ at: Number.NaN, count: -5 });
    await desk.take({ at: 1e300, count: 2.5, about: "x" });
    await desk.ring();
    setClock(3_500);
    await desk.ring();
    expect(await desk.messages()).toHaveLength(2);
  });
});

describe("the bot's token", () => {
  freezeClock();

  it("is in no line of the log, whatever goes wrong", async () => {
    const answers: TelegramAnswer[] = ["hang", "reset", "garbage", { code: 401 }, { code: 400 }, { code: 429 }];
    const desk = newDesk();
    const { botToken, chatId } = desk.telegram;
    desk.waitFor(1_500);
    await desk.script(...answers, { code: 500, description: `POST /bot${botToken}/sendMessage` }, "redirect");
    await desk.take();
    for (let i = 0; i < answers.length + 2; i++) {
      setClock(i * 15 * MINUTE_MS);
      await desk.ring();
    }
    const fake = newDesk({ baseUrl: "http://127.0.0.1:9" });
    await fake.take();
    await fake.ring();
    expect(lines.length).toBeGreaterThanOrEqual(answers.length + 3);
    for (const secret of [botToken, botToken.slice(-12), chatId]) expect(JSON.stringify(lines)).not.toContain(secret);
  });
});
