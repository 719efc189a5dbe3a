import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CONTEXT, exceptionOf, ReportingIsolate } from "../../../test/support/reporting-isolate.ts";

/** As the database driver makes it. */
class DrizzleQueryError extends Error {
  readonly params: readonly unknown[];

  constructor(query: string, params: readonly unknown[], cause?: Error) {
    super(`Failed query: ${query}\nparams: ${params}`, { cause });
    this.params = params;
  }
}

let isolate: ReportingIsolate;

beforeEach(async () => {
  isolate = await ReportingIsolate.start();
});

afterEach(() => isolate.fake.close());

describe("nothing personal or secret", () => {
  const PHONE = "09121234567";
  const JWT = "eyJhbGciOiJFZDI1NTE5IiwidHlwIjoiYXQrand0In0.eyJzdWIiOiJ1c3JfMDEifQ.c2lnbmF0dXJlLXRoYXQtaXMtbG9uZw";
  const PHOTO = Buffer.from(Array.from({ length: 3_000 }, (_, i) => (i * 37) % 256)).toString("base64");
  const REFRESH = `rt_${"aB3-_x".repeat(10)}`;
  const API_KEY = "AIzaSyD-1234567890abcdefghijklmnopq";
  const BOT_TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";
  const SECRETS = [
    PHONE,
    "9121234567",
    "+989121234567",
    "۰۹۱۲۱۲۳۴۵۶۷",
    "0912 123 4567",
    "482913",
    JWT,
    JWT.slice(0, 20),
    REFRESH,
    API_KEY,
    BOT_TOKEN,
    PHOTO,
    PHOTO.slice(0, 40),
    "hunter2",
    "203.0.113.9",
    "2001:db8",
    "Sara",
    "sig=abcdef",
    "in the style of my mother",
    "usr_01KBTEST",
  ];

  async function expectNothingOf(error: unknown, context = CONTEXT): Promise<void> {
    await isolate.report(error, context);
    expect(isolate.fake.refusals).toEqual([]);
    const [request, ...more] = isolate.fake.requests;
    expect(more).toEqual([]);
    const raw = JSON.stringify(request);
    for (const secret of SECRETS) expect(raw, secret).not.toContain(secret);
  }

  const cause = new Error(`UNIQUE constraint failed: users.phone of ${PHONE}`);
  const driverError = new DrizzleQueryError(
    "insert into users (phone, name, prompt) values (?, ?, ?)",
    [PHONE, "Sara", "in the style of my mother", "hunter2", PHOTO],
    cause,
  );
  const props = {
    request: { headers: { authorization: `Bearer ${JWT}`, cookie: "Sara" }, body: "hunter2" },
    phone: PHONE,
    ip: "203.0.113.9",
    data: [PHOTO],
  };
  const at = (text: string) => `\n    at ${text} (/x/${text}.js:1:1)\n    at Object.${text} (index.js:2:3)`;

  it.each<[string, () => unknown]>([
    ["a driver's error, whose message is the values", () => driverError],
    ["a driver's error without a cause", () => new DrizzleQueryError("values ('Sara', 'hunter2')", [PHONE])],
    ["a driver's error as a cause", () => new Error("can't save", { cause: driverError })],
    ["a driver's error in another's words", () => new Error(`can't save: ${driverError.message}`)],
    ["properties", () => Object.assign(new Error("x"), props)],
    ["causes with properties", () => new Error("x", { cause: Object.assign(new Error(PHONE), props) })],
    ["errors in an error", () => new AggregateError([driverError, new Error(PHONE)], "all failed")],
    ["a phone", () => new Error(`no code for ${PHONE}, +989121234567, ۰۹۱۲۱۲۳۴۵۶۷ or 0912 123 4567`)],
    ["a code", () => new Error("482913 is not the code")],
    ["an address", () => new Error("203.0.113.9, 2001:db8::9a:1 and [::ffff:203.0.113.9]:443 said no")],
    ["a token", () => new Error(`not ${JWT}`)],
    ["tokens", () => new Error(`Bearer ${JWT}, ${REFRESH}, ${API_KEY}, ${BOT_TOKEN}`)],
    ["a token in an url", () => new Error(`GET https://api.telegram.org/bot${BOT_TOKEN}/sendMessage failed`)],
    ["a signed url", () => new Error("no https://x.test/api/images/img_1?exp=1&sig=abcdef or /api/x?sig=abcdef")],
    ["an url with a password", () => new Error("postgres://app:hunter2@db.test/app is down")],
    ["a photo", () => new Error(`bad picture ${PHOTO}`)],
    ["a photo alone", () => new Error(PHOTO)],
    ["a secret where the message is cut", () => new Error(`${"ab ".repeat(90)}${JWT}`)],
    ["a phone where the message is cut", () => new Error(`${"ab ".repeat(96)}x 9121234567${PHONE}`)],
    ["a body that is no JSON", () => catchOf(() => JSON.parse('{"name":"Sara","password":hunter2}'))],
    ["a body that is no JSON, told on", () => new Error(String(catchOf(() => JSON.parse("hunter2"))))],
    ["a message of many lines", () => new Error(`bad body\n${JSON.stringify(props)}\nSara`)],
    ["a message like a stack", () => new Error(`x${at("hunter2")}${at(PHONE)}`)],
    ["a name", () => Object.assign(new Error("x"), { name: `E${at("hunter2")} ${PHONE}` })],
    ["a stack that is not its own", () => Object.assign(new Error("x"), { stack: `Sara hunter2${at(PHONE)}` })],
    ["a stack of another message", () => Object.assign(new Error(`of ${PHONE}: hunter2`), { message: "x" })],
    ["a photo in the stack", () => Object.assign(new Error("x"), { stack: `Error: ${PHOTO}\n    at ${PHOTO}` })],
    ["a string", () => `hunter2 ${PHONE}`],
    ["an object", () => props],
    ["an object with a message", () => ({ name: "Sara", message: "hunter2", stack: `hunter2${at(PHONE)}` })],
  ])("leaves in %s", async (_what, make) => {
    await expectNothingOf(make());
    expect(isolate.fake.events).toHaveLength(1);
  });

  it("leaves in the context either, not even where a caller is careless", async () => {
    await expectNothingOf(new Error("x"), { ...CONTEXT, requestId: PHONE, where: `/api/x?sig=abcdef ${PHONE} ${JWT}` });
    expect(isolate.fake.events[0]).toMatchObject({ tags: { requestId: "[phone]" } });
  });

  it("and yet the driver's words, and where it was, are told", async () => {
    await isolate.report(driverError);
    expect(exceptionOf(isolate.fake.events[0])).toMatchObject({
      type: "Error",
      value: "UNIQUE constraint failed: users.phone of [phone]",
    });
    expect(exceptionOf(isolate.fake.events[0]).stacktrace?.frames.length).toBeGreaterThan(0);
  });

  function catchOf(act: () => unknown): unknown {
    try {
      return act();
    } catch (error) {
      return error;
    }
  }
});
