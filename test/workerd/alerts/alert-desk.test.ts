import { evictDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { freezeClock, HOUR_MS, MINUTE_MS, setClock } from "../support/limiter-object.ts";
import { anAlert, configWith, type Desk, desksOfTests, newDesk } from "./support.ts";

freezeClock();
const lines = desksOfTests();

/** The first line and those that tell how often. */
async function told(desk: Desk): Promise<string[][]> {
  const messages = await desk.messages();
  return messages.map(({ text }) => text.split("\n").filter((line, i) => i === 0 || /\btimes?\b|once$/.test(line)));
}

describe("the same matter again and again", () => {
  it("is told once, then counted, and told by its number at the end of each ten minutes in which it came", async () => {
    const desk = newDesk();
    await Promise.all(Array.from({ length: 200 }, () => desk.take()));
    expect(await desk.ring()).toBe(true);
    expect(await told(desk)).toEqual([["🔴 A provider is left alone", expect.stringMatching(/UTC, once$/)]]);
    setClock(10 * MINUTE_MS - 1);
    await desk.ring();
    await desk.take({ count: 38 });
    expect(await desk.messages()).toHaveLength(1);
    setClock(10 * MINUTE_MS);
    await desk.ring();
    expect((await told(desk))[1]).toEqual([
      "🔴 A provider is left alone, still",
      "237 more times in the last 10 minutes.",
      expect.stringMatching(/UTC, 238 times in all$/),
    ]);
    setClock(20 * MINUTE_MS);
    await desk.ring();
    expect(await desk.messages()).toHaveLength(2);
    expect(await desk.rows()).toMatchObject({ matters: 0, waiting: 0 });
    await desk.take();
    await desk.ring();
    expect((await told(desk))[2]?.[0]).toBe("🔴 A provider is left alone");
  });

  it("is another matter by another name or about something else", async () => {
    const desk = newDesk();
    await desk.take({ about: "a" });
    await desk.take({ about: "b" });
    await desk.take({ about: "a", name: "dead_letter" });
    for (let i = 0; i < 3; i++) {
      setClock(i * 3_100);
      await desk.ring();
    }
    expect(await told(desk)).toHaveLength(3);
  });

  it("counts a message that comes twice once: at once, after an eviction, and up to an hour after it last came", async () => {
    const desk = newDesk();
    const [first, again] = [anAlert(), anAlert()];
    await desk.stub.take(first);
    await Promise.all(Array.from({ length: 20 }, () => desk.stub.take(again)));
    await evictDurableObject(desk.stub);
    await desk.stub.take(again);
    await desk.stub.take(first);
    setClock(10 * MINUTE_MS);
    await desk.ring();
    setClock(10 * MINUTE_MS + 3_100);
    await desk.ring();
    expect((await told(desk))[1]?.[1]).toBe("1 more time in the last 10 minutes.");
    setClock(HOUR_MS - 1);
    await desk.stub.take(again);
    await desk.ring();
    setClock(2 * HOUR_MS - 2);
    await desk.stub.take(again);
    await desk.ring();
    expect(await desk.messages()).toHaveLength(2);
    setClock(4 * HOUR_MS);
    await desk.stub.take(again);
    await desk.ring();
    expect(await desk.messages()).toHaveLength(3);
  });
});

describe("alerts that matter only in numbers", () => {
  it.each([
    ["hash_failures", 5],
    ["refresh_reuse", 5],
    ["invocation_cut_off", 3],
  ] as const)("%s are told once there are %i in ten minutes, however they arrive", async (name, atLeast) => {
    const desk = newDesk();
    for (let i = 1; i < atLeast; i++) {
      setClock(i * MINUTE_MS);
      await desk.take({ name });
      await desk.ring();
      await evictDurableObject(desk.stub);
    }
    setClock(11 * MINUTE_MS);
    await desk.take({ name });
    await desk.ring();
    expect(await desk.messages()).toEqual([]);
    await desk.take({ name });
    await desk.ring();
    expect((await told(desk))[0]?.[1]).toMatch(new RegExp(`UTC, ${atLeast} times$`));
  });

  it("below that number nothing is told, and nothing stays", async () => {
    const desk = newDesk();
    await desk.take({ name: "hash_failures", count: 4 });
    setClock(HOUR_MS);
    await desk.ring();
    expect(await desk.attempts()).toBe(0);
    expect(await desk.rows()).toEqual({ matters: 0, waiting: 0, seen: 0 });
    expect(await desk.ring()).toBe(false);
  });
});

describe("an eviction at any step", () => {
  it("loses no alert, tells none twice, and forgets no pace", async () => {
    const desk = newDesk();
    const evict = () => evictDurableObject(desk.stub);
    await desk.take({ about: "one" });
    await evict();
    await desk.take({ about: "two" });
    await desk.take({ about: "two" });
    await evict();
    await desk.ring();
    await evict();
    await desk.ring();
    expect(await desk.attempts()).toBe(1);
    await desk.script({ code: 500 });
    setClock(3_000);
    await desk.ring();
    await evict();
    setClock(7_999);
    await desk.ring();
    expect(await desk.attempts()).toBe(2);
    await evict();
    setClock(8_000);
    await desk.ring();
    expect(await desk.messages()).toHaveLength(2);
    setClock(10 * MINUTE_MS);
    await evict();
    await desk.ring();
    await evict();
    expect((await told(desk)).map((told) => told[1])).toEqual([
      expect.stringMatching(/once$/),
      expect.stringMatching(/once$/),
      "1 more time in the last 10 minutes.",
    ]);
    setClock(HOUR_MS);
    await desk.ring();
    expect(await desk.rows()).toEqual({ matters: 0, waiting: 0, seen: 0 });
    expect(await desk.attempts()).toBe(4);
  });

  it("while a hundred and more wait keeps all of them, or their number", async () => {
    const desk = newDesk();
    await Promise.all(Array.from({ length: 130 }, (_, i) => desk.take({ about: `circuit ${i}` })));
    for (let i = 0; i < 110; i++) {
      setClock(i * 3_500);
      await desk.ring();
      if (i % 10 === 0) await evictDurableObject(desk.stub);
    }
    const messages = await told(desk);
    expect(messages).toHaveLength(101);
    expect(messages.at(-1)).toEqual(["⚪ And 30 other alerts", "A provider is left alone: 30 times"]);
    expect(lines.filter(({ dropped }) => dropped === "overflow")).toHaveLength(30);
  });
});

it("the number of those that had no room keeps its place before what waits, across an eviction", async () => {
  const desk = newDesk();
  await Promise.all(Array.from({ length: 102 }, (_, i) => desk.take({ about: `circuit ${i}` })));
  await desk.script({ code: 500 });
  setClock(10 * MINUTE_MS);
  await desk.ring();
  await evictDurableObject(desk.stub);
  for (const afterMs of [5_000, 8_500]) {
    setClock(10 * MINUTE_MS + afterMs);
    await desk.ring();
  }
  expect((await told(desk)).map(([first]) => first)).toEqual(["⚪ And 2 other alerts", "🔴 A provider is left alone"]);
});

describe("without Telegram", () => {
  it("each message is a line of the log, with the same counting, and nothing waits", async () => {
    const desk = newDesk();
    desk.configure(() => configWith(null));
    await Promise.all(Array.from({ length: 20 }, () => desk.take()));
    await desk.take({ name: "dead_letter", about: "a-queue", what: "given up", advice: "replay it" });
    await desk.ring();
    expect(await desk.rows()).toMatchObject({ waiting: 0 });
    setClock(10 * MINUTE_MS);
    await desk.ring();
    const common = { level: "error", msg: "alert" };
    expect(lines).toMatchObject([
      { ...common, alert: "circuit_opened", about: "gemini:a-model", count: 1 },
      { ...common, alert: "dead_letter", about: "a-queue", what: "given up", advice: "replay it", count: 1 },
      { ...common, alert: "circuit_opened", kind: "summary", count: 19, what: "The circuit opened: failures" },
    ]);
    expect(await desk.attempts()).toBe(0);
  });
});

describe("a bad configuration", () => {
  it("loses no alert: they wait, are counted, and go out once it is good", async () => {
    const desk = newDesk();
    desk.configure(() => {
      throw new Error("ENVIRONMENT is missing");
    });
    await desk.take();
    await desk.take();
    for (let minute = 0; minute < 9; minute++) {
      const now = setClock(minute * MINUTE_MS);
      await desk.ring();
      expect(await desk.alarmAt()).toBe(now + MINUTE_MS);
    }
    expect(lines).toHaveLength(9);
    expect(lines[0]).toMatchObject({ level: "error", cause: "Error: ENVIRONMENT is missing" });
    await evictDurableObject(desk.stub);
    desk.configure(() => configWith(desk.telegram));
    setClock(10 * MINUTE_MS);
    await desk.ring();
    setClock(10 * MINUTE_MS + 3_500);
    await desk.ring();
    expect((await told(desk)).map(([first]) => first)).toEqual([
      "🔴 A provider is left alone",
      "🔴 A provider is left alone, still",
    ]);
  });
});
