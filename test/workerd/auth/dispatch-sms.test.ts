import { createExecutionContext, createMessageBatch, getQueueResult, waitOnExecutionContext } from "cloudflare:test";
import { desc, eq } from "drizzle-orm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { auditLog, otpChallenges, smsOutbox } from "../../../src/db/d1/schema/index.ts";
import { createKeyring } from "../../../src/kernel/keyring.ts";
import { sealSms, unsealSms } from "../../../src/modules/auth/sealed-sms.ts";
import worker from "../../../src/workers/api/index.ts";
import { apiWith } from "../support/app.ts";
import { inbox, newPhone, signUp } from "../support/client.ts";
import { bindings, db } from "../support/database.ts";
import { countStatuses, send, times } from "../support/limited.ts";
import { captureConsole, fakeSmsQueue, SMS_KEY, SMSIR, TWILIO } from "../support/sms.ts";

const SECRET = "test-secret-test-secret-test-secret-0001";
const LOUD = { LOG_LEVEL: "debug", LOG_FORMAT: "json" };

afterEach(() => {
  vi.restoreAllMocks();
});

/** The newest message on its way, opened with the service's secret. */
async function newestMessage() {
  const [row] = await db.select().from(smsOutbox).orderBy(desc(smsOutbox.createdAt), desc(smsOutbox.id)).limit(1);
  if (row === undefined) throw new Error("no message");
  const message = await unsealSms(createKeyring([SECRET]), row.sealed);
  if (message === null) throw new Error("an unreadable message");
  return { row, message };
}

describe.each([
  ["sms.ir", SMSIR],
  ["Twilio", TWILIO],
])("with %s", (_, provider) => {
  it("the answer comes when the message is written, and a queue message only names it", async () => {
    const SMS_QUEUE = fakeSmsQueue();
    const fetched = vi.spyOn(globalThis, "fetch");
    const phone = newPhone();
    expect((await send({ ...provider, SMS_QUEUE }, phone)).status).toBe(202);
    const { row, message } = await newestMessage();
    expect(message).toEqual({ to: phone, code: expect.stringMatching(/^\d{6}$/), purpose: "register" });
    expect(row).toMatchObject({ attempts: 0, expiresAt: row.createdAt + 300_000, dueAt: row.createdAt });
    const origin = {
      requestId: expect.any(String),
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
    };
    expect(SMS_QUEUE.sent).toEqual([{ v: 1, type: "sms.send", smsId: row.id, origin }]);
    expect(fetched).not.toHaveBeenCalled();
    expect(await inbox(phone)).toEqual([]);
  });

  it.each([
    ["is down", () => Promise.reject(new Error("Queue is overloaded"))],
    [
      "fails on the spot",
      () => {
        throw new Error("Queue is gone");
      },
    ],
  ])("the answer comes even when the queue %s, and the message waits for the sweep", async (_how, fail) => {
    captureConsole();
    const phone = newPhone();
    expect((await send({ ...provider, SMS_QUEUE: { send: fail } }, phone)).status).toBe(202);
    expect((await newestMessage()).message.to).toBe(phone);
  });

  it("the answer does not wait for a queue that hangs", async () => {
    const queue = Promise.withResolvers<void>();
    const request = new Request("http://api.test/api/auth/send-otp", {
      method: "POST",
      headers: { "Content-Type": "application/json", "CF-Connecting-IP": "203.0.113.9" },
      body: JSON.stringify({ phone: newPhone(), purpose: "register" }),
    });
    const context = createExecutionContext();
    const env = { ...bindings, ...provider, SMS_QUEUE: { send: () => queue.promise } };
    expect((await worker.fetch(request as never, env as never, context)).status).toBe(202);
    queue.resolve();
    await waitOnExecutionContext(context);
  });

  it("a failing provider leaves neither code nor phone nor key in any log line", async () => {
    const SMS_QUEUE = fakeSmsQueue();
    const lines = captureConsole();
    const env = { ...bindings, ...provider, ...LOUD, SMS_QUEUE };
    const phone = newPhone();
    await send(env, phone);
    const { row, message } = await newestMessage();
    const answers = [
      () => Promise.resolve(Response.json({ message: `no ${phone} ${message.code} ${SMS_KEY}` }, { status: 500 })),
      () => Promise.reject(new Error(`connect ${phone} ${message.code} ${SMS_KEY}`)),
      () =>
        Promise.resolve(
          Response.json({ status: 104, code: 21211, message: `${phone} ${message.code}` }, { status: 400 }),
        ),
    ];
    const fetched = vi.spyOn(globalThis, "fetch").mockImplementation(() => answers.shift()?.() ?? Promise.reject());
    for (let attempt = 1; attempt <= 3; attempt++) {
      await db.update(smsOutbox).set({ dueAt: 0 }).where(eq(smsOutbox.id, row.id));
      const body = { v: 1, type: "sms.send", smsId: row.id };
      const batch = createMessageBatch("ai-styler-sms", [{ id: "1", timestamp: new Date(), attempts: attempt, body }]);
      const context = createExecutionContext();
      await worker.queue(batch, env as never, context);
      const { explicitAcks, retryMessages } = await getQueueResult(batch, context);
      expect([explicitAcks.length, retryMessages.length]).toEqual(attempt < 3 ? [0, 1] : [1, 0]);
    }
    expect(fetched).toHaveBeenCalledTimes(3);
    expect(await db.$count(smsOutbox, eq(smsOutbox.id, row.id))).toBe(0);
    const told = lines.join("\n");
    expect(told.match(/code delayed/g)).toHaveLength(2);
    expect(told.match(/code not sent/g)).toHaveLength(1);
    for (const secret of [phone, phone.slice(3), SMS_KEY, row.sealed]) expect(told).not.toContain(secret);
    expect(told).not.toMatch(new RegExp(`\\b${message.code}\\b`));
  });
});

/** The statements a send gives to the database, without the values bound to them. */
function watchedDatabase() {
  const statements: string[] = [];
  const DB = {
    prepare(query: string) {
      statements.push(query);
      return bindings.DB.prepare(query);
    },
    batch: (prepared: D1PreparedStatement[]) => bindings.DB.batch(prepared),
  };
  return { DB, statements };
}

it.each(["login", "password_reset"] as const)(
  "a %s send to a phone without account does the very same as one to a phone with one, up to the queue",
  async (purpose) => {
    const { phone } = await signUp();
    const traces = await Promise.all(
      [phone, newPhone()].map(async (to) => {
        const [SMS_QUEUE, { DB, statements }] = [fakeSmsQueue(), watchedDatabase()];
        const response = await send({ ...SMSIR, SMS_QUEUE, DB }, to, { purpose });
        const shape = JSON.stringify(await response.json()).replace(/chl_\w+/, "chl");
        return { status: response.status, shape, statements, queued: SMS_QUEUE.sent.length };
      }),
    );
    expect(traces[0]).toEqual(traces[1]);
    expect(traces[0]).toMatchObject({ status: 202, queued: 1 });
    expect(traces[0]?.statements.filter((statement) => /^select/i.test(statement))).toEqual([]);
  },
);

it("what is stored while a code is on its way tells neither the code nor the phone without the secret", async () => {
  const phone = newPhone();
  const SMS_QUEUE = fakeSmsQueue();
  const response = await send({ ...SMSIR, SMS_QUEUE }, phone);
  const { challengeId } = (await response.json()) as { challengeId: string };
  const { row, message } = await newestMessage();
  const [challenge] = await db.select().from(otpChallenges).where(eq(otpChallenges.id, challengeId));
  const events = await db.select().from(auditLog).orderBy(desc(auditLog.id)).limit(3);
  const dump = JSON.stringify([row, challenge, events, SMS_QUEUE.sent]);
  for (const secret of [phone, phone.slice(1), phone.slice(3), `"${message.code}"`]) {
    expect(dump).not.toContain(secret);
    expect(dump).not.toContain(btoa(secret).replace(/=+$/, ""));
  }
  const other = createKeyring(["test-secret-test-secret-test-secret-0002"]);
  expect(await unsealSms(other, row.sealed)).toBeNull();
  const again = await sealSms(createKeyring([SECRET]), message);
  expect(again).not.toBe(row.sealed);
  expect(await unsealSms(createKeyring([SECRET]), again)).toEqual(message);
  const turned = row.sealed.replace(/^./, (first) => (first === "A" ? "B" : "A"));
  expect(await unsealSms(createKeyring([SECRET]), turned)).toBeNull();
});

it("200 sends at once are 200 messages with 200 challenges, and none is lost", async () => {
  const SMS_QUEUE = fakeSmsQueue();
  const before = await db.$count(smsOutbox);
  expect(countStatuses(await times(200, () => send({ ...SMSIR, SMS_QUEUE })))).toEqual({ 202: 200 });
  expect(await db.$count(smsOutbox)).toBe(before + 200);
  expect(new Set(SMS_QUEUE.sent.map((message) => JSON.stringify(message))).size).toBe(200);
});

it("no log line ever holds a code, a phone or a token", async () => {
  const lines = captureConsole();
  const env = { LOG_LEVEL: "debug", LOG_FORMAT: "json" };
  const phone = newPhone();
  const sent = await apiWith(env, "/api/auth/send-otp", { json: { phone, purpose: "register" } });
  const { challengeId } = (await sent.json()) as { challengeId: string };
  const code = (await inbox(phone))[0]?.code ?? "";
  const attempt = { phone, purpose: "register", challengeId, code };
  await apiWith(env, "/api/auth/verify-otp", { json: { ...attempt, code: code === "000000" ? "000001" : "000000" } });
  const verified = await apiWith(env, "/api/auth/verify-otp", { json: attempt });
  const { verificationToken } = (await verified.json()) as { verificationToken: string };
  const password = "a rather odd password";
  const registered = await apiWith(env, "/api/auth/register", { json: { verificationToken, password } });
  const { accessToken, refreshToken } = (await registered.json()) as { accessToken: string; refreshToken: string };
  expect(lines.filter((line) => line.includes("/api/auth/"))).toHaveLength(4);
  for (const secret of [code, phone, phone.slice(3), verificationToken, password, accessToken, refreshToken]) {
    expect(secret.length).toBeGreaterThan(5);
    expect(lines.filter((line) => line.includes(secret))).toEqual([]);
  }
});
