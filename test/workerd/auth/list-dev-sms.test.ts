import { expect, it } from "vitest";
import { apiWith, problemOf } from "../support/app.ts";
import { api, inbox, newPhone, sendCode } from "../support/client.ts";

it("shows the messages of one phone, newest first, and how they would have read", async () => {
  const phone = newPhone();
  const first = await sendCode(phone);
  const second = await sendCode(phone);
  await sendCode(newPhone());
  const messages = await inbox(`0${phone.slice(3)}`);
  expect(messages.map((message) => message.code)).toEqual([second.code, first.code]);
  expect(messages[0]).toEqual({
    to: phone,
    text: expect.stringContaining(second.code ?? ""),
    code: second.code,
    sentAt: expect.stringMatching(/^\d{4}-.*Z$/),
  });
});

it("without a phone it shows everybody's, at most 50", async () => {
  const phone = newPhone();
  await sendCode(phone);
  const response = await api("/api/dev/sms");
  const { items } = (await response.json()) as { items: { to: string }[] };
  expect(items[0]?.to).toBe(phone);
  expect(items.length).toBeLessThanOrEqual(50);
});

it("a phone that is none is 422", async () => {
  expect((await api("/api/dev/sms?phone=123")).status).toBe(422);
});

it.each(["production", "preview"])("in %s the route answers as an address that doesn't exist", async (ENVIRONMENT) => {
  for (const env of [{ ENVIRONMENT }, { ENVIRONMENT, SMS_PROVIDER: "dev" }]) {
    for (const [method, path] of [
      ["GET", "/api/dev/sms"],
      ["GET", "/api/dev/sms?phone=nonsense"],
      ["POST", "/api/dev/sms"],
      ["DELETE", "/api/dev/sms"],
    ] as const) {
      const there = await apiWith(env, path, { method });
      const missing = await apiWith(env, "/api/dev/nothing", { method });
      expect(there.status).toBe(404);
      expect(await problemOf(there)).toEqual(await problemOf(missing));
      expect(there.headers.get("allow")).toBeNull();
    }
  }
});
