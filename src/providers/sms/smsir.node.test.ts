import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SmsError } from "../../ports/sms-sender.ts";
import { createSmsIr } from "./smsir.ts";
import { type SmsIrFake, startSmsIrFake } from "./smsir-fake.ts";

const message = { to: "+989121234567", code: "483920", ttlMs: 120_000 };
const signal = new AbortController().signal;
let fake: SmsIrFake;

beforeAll(async () => {
  fake = await startSmsIrFake();
});

afterAll(() => fake.close());

/** The error of a message that fails, which tells nothing of the message or the key. */
async function failure(options: { readonly apiKey?: string; readonly templateId?: number } = {}, to = message.to) {
  const sender = createSmsIr({ apiKey: fake.apiKey, templateId: fake.templateId, baseUrl: fake.url, ...options });
  const error: unknown = await sender.sendOtp({ ...message, to }, { signal }).catch((thrown: unknown) => thrown);
  if (!(error instanceof SmsError)) throw new Error("expected an SmsError", { cause: error });
  const told = `${error.message}\n${error.stack}`;
  for (const secret of [message.code, to.slice(3), fake.apiKey]) expect(told).not.toContain(secret);
  return error;
}

describe("createSmsIr", () => {
  it("sends the code as the template's parameter, to the national number", async () => {
    const requests: Request[] = [];
    const sender = createSmsIr({
      apiKey: "key-1",
      baseUrl: "https://api.sms.ir",
      templateId: 231_572,
      fetch: async (request) => {
        requests.push(request);
        return Response.json({ status: 1, message: "موفق", data: { messageId: 89_545_112, cost: 1 } });
      },
    });
    await sender.sendOtp(message, { signal });
    const request = requests[0] as Request;
    expect(requests).toHaveLength(1);
    expect(`${request.method} ${request.url} ${request.redirect}`).toBe(
      "POST https://api.sms.ir/v1/send/verify manual",
    );
    expect(Object.fromEntries(request.headers)).toEqual({
      "x-api-key": "key-1",
      accept: "application/json",
      "content-type": "application/json",
    });
    expect(await request.json()).toEqual({
      mobile: "09121234567",
      templateId: 231_572,
      parameters: [{ name: "Code", value: "483920" }],
    });
  });

  it("what it sends is accepted and delivered as it is, leading zeros included", async () => {
    const sender = createSmsIr({ apiKey: fake.apiKey, templateId: fake.templateId, baseUrl: fake.url });
    await sender.sendOtp({ ...message, code: "004200" }, { signal });
    expect(fake.calls.at(-1)).toMatchObject({ mobile: "09121234567", code: "004200", templateId: fake.templateId });
  });

  it.each([
    ["config", [10, 11, 12, 13, 14, 15, 16, 101, 102, 103, 105, 113, 114, 116, 117, 119, 123, 124]],
    ["rejected", [104, 115]],
    ["rate_limited", [20]],
    ["unavailable", [0, 999]],
  ] as const)("answers that mean %s are told so, with their code", async (expected, codes) => {
    for (const code of codes) {
      fake.script({ code });
      const error = await failure();
      expect([code, error.failure]).toEqual([code, expected]);
      expect(error.message).toMatch(new RegExp(`^sms\\.ir: HTTP \\d{3}, code ${code}$`));
    }
  });

  it("a failure under HTTP 200 is a failure", async () => {
    const body = (status: unknown) => JSON.stringify({ status, message: "09121234567: 483920", data: null });
    fake.script({ status: 200, body: body(0) }, { status: 200, body: body(115) }, { status: 200, body: body("1") });
    expect((await failure()).failure).toBe("unavailable");
    expect((await failure()).failure).toBe("rejected");
    expect((await failure()).failure).toBe("unavailable");
  });

  it("quotes nothing of an answer, not even where its code should be", async () => {
    fake.script({ status: 400, body: JSON.stringify({ status: 483_920, message: "483920" }) });
    expect(await failure()).toMatchObject({ failure: "unavailable", message: "sms.ir: HTTP 400, no code" });
  });

  it("too many requests say how long to wait", async () => {
    fake.script({ code: 20, retryAfterSeconds: 30 });
    expect(await failure()).toMatchObject({ failure: "rate_limited", retryAfterMs: 30_000 });
  });

  it("a wrong key or template is configuration", async () => {
    expect(await failure({ apiKey: "another" })).toMatchObject({
      failure: "config",
      message: "sms.ir: HTTP 401, code 10",
    });
    expect(await failure({ templateId: 1 })).toMatchObject({
      failure: "config",
      message: "sms.ir: HTTP 400, code 113",
    });
  });

  it("401 is configuration, whatever its body", async () => {
    fake.script({ status: 401, body: "" });
    expect((await failure()).failure).toBe("config");
  });

  it.each(["+14155552671", "+982112345678", "+98912123456"])("rejects %s without asking sms.ir", async (to) => {
    const before = fake.attempts();
    expect((await failure({}, to)).failure).toBe("rejected");
    expect(fake.attempts()).toBe(before);
  });
});

interface BadRequest {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

describe("startSmsIrFake", () => {
  const good = { mobile: "09121234567", templateId: 100_000, parameters: [{ name: "Code", value: "1" }] };

  it.each<[string, BadRequest, number, number | null]>([
    ["another path", { path: "/v1/send/bulk" }, 404, null],
    ["another method", { method: "PUT" }, 405, null],
    ["no key", { headers: { "X-API-KEY": "" } }, 401, 10],
    ["a form", { headers: { "Content-Type": "application/x-www-form-urlencoded" } }, 415, 415],
    ["no JSON", { body: "{" }, 400, 400],
    ["no mobile", { body: { ...good, mobile: 9121234567 } }, 400, 400],
    ["a foreign number", { body: { ...good, mobile: "+14155552671" } }, 400, 104],
    ["a template in text", { body: { ...good, templateId: "100000" } }, 400, 400],
    ["another template", { body: { ...good, templateId: 5 } }, 400, 113],
    ["no parameters", { body: { ...good, parameters: undefined } }, 400, 400],
    ["no name", { body: { ...good, parameters: [{ value: "1" }] } }, 400, 116],
    ["another name", { body: { ...good, parameters: [{ name: "Name", value: "1" }] } }, 400, 116],
    ["a number as value", { body: { ...good, parameters: [{ name: "Code", value: 1 }] } }, 400, 16],
    ["a long value", { body: { ...good, parameters: [{ name: "Code", value: "1".repeat(26) }] } }, 400, 114],
  ])("refuses %s with sms.ir's own error and keeps no message", async (_what, changes, httpStatus, code) => {
    const { path = "/v1/send/verify", method = "POST", headers = {}, body = good } = changes;
    const before = fake.calls.length;
    const response = await fetch(fake.url + path, {
      method,
      headers: { "X-API-KEY": fake.apiKey, "Content-Type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    expect(response.status).toBe(httpStatus);
    if (code !== null) expect(await response.json()).toMatchObject({ status: code });
    expect(fake.calls).toHaveLength(before);
  });
});
