import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTelegramFake, type TelegramAnswer, type TelegramFake } from "./fake.ts";
import { createTelegram, type TelegramConfig, type TelegramOutcome } from "./telegram.ts";

let fake: TelegramFake;
beforeAll(async () => {
  fake = await startTelegramFake({ chatId: (id) => id.startsWith("-100") });
});
afterAll(() => fake.close());

let chats = 0;
const newConfig = (change: Partial<TelegramConfig> = {}): TelegramConfig => ({
  botToken: fake.botToken,
  chatId: `-100${++chats}`,
  baseUrl: fake.url,
  ...change,
});

const send = (config: TelegramConfig, text = "hello", html = true) =>
  createTelegram(config, { timeoutMs: 300 }).send({ text, html });

it("a message arrives in the chat, with its marks, and without a preview of its links", async () => {
  const bodies: string[] = [];
  const config = newConfig();
  const telegram = createTelegram(config, {
    fetch: async (request) => {
      bodies.push(await request.clone().text());
      return fetch(request);
    },
  });
  const outcome = await telegram.send({ text: "<b>a &lt; b</b>\n&amp; c", html: true });
  expect(outcome).toEqual({ kind: "sent" });
  expect(fake.messages(config.chatId)).toMatchObject([{ text: "a < b\n& c", html: true }]);
  expect(JSON.parse(bodies[0] ?? "")).toEqual({
    chat_id: config.chatId,
    text: "<b>a &lt; b</b>\n&amp; c",
    parse_mode: "HTML",
    link_preview_options: { is_disabled: true },
  });
});

it("plain text is shown as it is, cut to what Telegram takes, and well-formed", async () => {
  const config = newConfig();
  expect(await send(config, "<b>1 & 2", false)).toEqual({ kind: "sent" });
  expect(await send(config, `${"x".repeat(4_094)}😀😀`, false)).toEqual({ kind: "sent" });
  expect(await send(config, "half \ud83d of one", false)).toEqual({ kind: "sent" });
  const [first, second, third] = fake.messages(config.chatId);
  expect(first).toMatchObject({ text: "<b>1 & 2", html: false });
  expect(second?.text).toBe(`${"x".repeat(4_094)}…`);
  expect(third?.text).toBe("half \ufffd of one");
});

describe("what became of a message", () => {
  it.each<[string, TelegramAnswer, TelegramOutcome]>([
    ["429 with a wait", { code: 429, parameters: { retry_after: 7 } }, retry(7_000, "HTTP 429")],
    ["429 with a nonsensical wait", { code: 429, parameters: { retry_after: "soon" } }, retry(null, "HTTP 429")],
    ["429 without one", { code: 429 }, retry(null, "HTTP 429")],
    ["500", { code: 500 }, retry(null, "HTTP 500")],
    ["502 with a page", { status: 502, body: "<h1>Bad gateway</h1>" }, retry(null, "HTTP 502")],
    ["nothing at all", "hang", retry(null, "no answer in time")],
    ["half an answer", "stall", retry(null, "no answer in time")],
    ["a broken connection", "reset", retry(null, "no answer")],
    ["a page instead of an answer", "garbage", retry(null, "HTTP 200, no usable body")],
    ["200 that says no", { status: 200, body: '{"ok":false}' }, retry(null, "HTTP 200, no usable body")],
    ["400 about the text", { code: 400 }, { kind: "rejected", detail: "HTTP 400: the text was not accepted" }],
    [
      "400 about the chat",
      { code: 400, description: "Bad Request: chat not found" },
      { kind: "misconfigured", detail: "HTTP 400: the chat can't be written to" },
    ],
    [
      "a group that has moved",
      {
        code: 400,
        description: "Bad Request: group chat was upgraded to a supergroup chat",
        parameters: { migrate_to_chat_id: -100_555 },
      },
      { kind: "misconfigured", detail: "HTTP 400: the chat can't be written to; it is now -100555" },
    ],
    ["401", { code: 401 }, { kind: "misconfigured", detail: "HTTP 401" }],
    ["403", { code: 403 }, { kind: "misconfigured", detail: "HTTP 403" }],
    ["404", { code: 404 }, { kind: "misconfigured", detail: "HTTP 404" }],
    ["a redirect, which is not followed", "redirect", { kind: "misconfigured", detail: "HTTP 302" }],
  ])("%s", async (_what, answer, outcome) => {
    const config = newConfig();
    fake.script(config.chatId, answer);
    expect(await send(config)).toEqual(outcome);
    expect(fake.attempts(config.chatId)).toBe(1);
    expect(fake.messages(config.chatId)).toEqual([]);
  });

  it("the fake refuses by itself what Telegram would", async () => {
    expect(await send(newConfig({ botToken: "7000000001:wrong" }))).toMatchObject({ detail: "HTTP 401" });
    expect(await send(newConfig({ chatId: "-7" }))).toMatchObject({ kind: "misconfigured" });
    for (const text of ["<script>", "<b>open", "a < b", "<b><i>x</b></i>", "", "x".repeat(4_097), "<u></b>"]) {
      expect(await send(newConfig(), text)).toMatchObject({ kind: "rejected" });
    }
    expect(await send(newConfig(), "&amp;".repeat(4_096))).toEqual({ kind: "sent" });
  });

  it("a server that is not there", async () => {
    const gone = await startTelegramFake();
    await gone.close();
    expect(await send(newConfig({ baseUrl: gone.url }))).toEqual(retry(null, "no answer"));
  });
});

describe("the bot's token", () => {
  it.each(["", "7:a/../../other?x=", "7:a b", "7:a\nb", "7:a#", "x".repeat(300)])(
    "of another form (%j) makes no request at all",
    async (botToken) => {
      let requests = 0;
      const telegram = createTelegram(newConfig({ botToken }), {
        fetch: async () => {
          requests++;
          return new Response();
        },
      });
      const outcome = await telegram.send({ text: "x", html: true });
      expect(outcome).toMatchObject({ kind: "misconfigured" });
      expect(requests).toBe(0);
    },
  );

  it("is in no outcome, whatever the network or Telegram says", async () => {
    const config = newConfig();
    const telling = (what: () => Promise<Response>) =>
      createTelegram(config, { fetch: what, timeoutMs: 300 }).send({ text: "x", html: true });
    const secret = `${config.baseUrl}/bot${config.botToken}/sendMessage`;
    const outcomes = await Promise.all([
      telling(() => Promise.reject(new Error(`connect ${secret}`))),
      telling(() => Promise.reject(new TypeError("fetch failed", { cause: new Error(secret) }))),
      telling(async () => Response.json({ ok: false, description: `chat not found ${secret}` }, { status: 400 })),
      telling(async () => Response.json({ ok: false, description: secret }, { status: 400 })),
      telling(async () => Response.json({ description: secret }, { status: 502 })),
      telling(async () => new Response(null, { status: 307, headers: { Location: secret } })),
      telling(() => new Promise(() => {})),
      createTelegram({ ...config, baseUrl: "not a url" }).send({ text: "x", html: true }),
    ]);
    expect(outcomes).toHaveLength(8);
    expect(JSON.stringify(outcomes)).not.toContain(config.botToken.slice(-10));
  });
});

function retry(afterMs: number | null, detail: string): TelegramOutcome {
  return { kind: "retry", afterMs, detail };
}
