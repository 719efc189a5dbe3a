import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { accessFrom, CloudflareApi, CloudflareError } from "./cloudflare-api.ts";

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const fine = (result: unknown, result_info?: unknown): Answer => ({
  body: { success: true, errors: [], result, result_info },
});
const failed = (status: number, headers = {}): Answer => ({
  status,
  headers,
  body: { success: false, errors: [{ code: 1, message: "no" }], result: null },
});

let server: Server;
let api: CloudflareApi;
/** The next answers, the first one first. */
let answers: Answer[];
let asked: string[];

beforeEach(async () => {
  answers = [];
  asked = [];
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const { status = 200, headers = {}, body } = answers.shift() ?? {};
    // No answer at all: the connection just ends.
    if (status === 0) return void request.socket.destroy();
    response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  api = new CloudflareApi({ accountId: "a", token: "t", baseUrl }, { pauseMs: 1 });
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const change = () => api.call("/x", z.unknown(), { method: "POST", body: {} });

describe("a call that failed", () => {
  it("is made again where it only reads", async () => {
    answers = [failed(500), { status: 0 }, fine(7)];
    expect(await api.call("/x", z.number())).toBe(7);
    expect(asked).toHaveLength(3);
  });

  it("is made again where it changes something only when Cloudflare says that it did nothing", async () => {
    answers = [failed(429, { "Retry-After": "0.01" }), failed(429), fine(null)];
    await change();
    expect(asked).toHaveLength(3);
    for (const answer of [failed(503), { status: 0 }]) {
      asked = [];
      answers = [answer];
      await expect(change()).rejects.toThrow(CloudflareError);
      expect(asked).toHaveLength(1);
    }
  });

  it("is given up after four attempts, and tells what Cloudflare said", async () => {
    answers = Array.from({ length: 9 }, () => failed(500));
    await expect(api.call("/x", z.unknown())).rejects.toThrow("GET /x: no [1]");
    expect(asked).toHaveLength(4);
  });

  it("is an error, too, where it was answered by 200, or not by the API", async () => {
    answers = [{ ...failed(200) }];
    await expect(change()).rejects.toMatchObject({ status: 200, codes: [1] });
    answers = [{ status: 502, body: "<html>" }];
    await expect(change()).rejects.toThrow("POST /x: 502, and no envelope");
  });
});

describe("a refusal", () => {
  const refused = (status: number, code: number): Answer => ({
    status,
    body: { success: false, errors: [{ code, message: "no" }], result: null },
  });

  it.each([
    [401, 10_000],
    [403, 9_109],
    [404, 7_003],
    [400, 6_003],
  ])("of the account or its token, %i [%i], tells which variables to look at", async (status, code) => {
    answers = [refused(status, code)];
    await expect(change()).rejects.toThrow(/CLOUDFLARE_API_TOKEN.*CLOUDFLARE_ACCOUNT_ID.*docs\/deploy\.md/);
  });

  it("of anything else tells nothing of them", async () => {
    answers = [refused(409, 10_004)];
    await expect(change()).rejects.toThrow(/^POST \/x: no \[10004\]$/);
  });

  it("by the network tells why, and never the token", async () => {
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await new Promise((resolve) => server.close(resolve));
    const by = (token: string) =>
      new CloudflareApi({ accountId: "a", token, baseUrl }, { pauseMs: 1 }).call("/x", z.unknown());
    await expect(by("t")).rejects.toThrow("GET /x: no answer (ECONNREFUSED)");
    await expect(by("hush\nhush")).rejects.toThrow(/^GET \/x: no answer \(\w+\)$/);
  });
});

describe("a list", () => {
  it.each([
    ["tells its pages", { total_pages: 2 }],
    ["tells how many there are, and how many of them are a page", { total_count: 3, per_page: 2 }],
  ])("that %s is read to its end", async (_, info) => {
    answers = [fine([1, 2], info), fine([3], info)];
    expect(await api.list("/x", z.number())).toEqual([1, 2, 3]);
    expect(asked[1]).toContain("page=2");
  });

  it("that tells neither is one page", async () => {
    answers = [fine([1])];
    expect(await api.list("/x", z.number())).toEqual([1]);
    expect(asked).toHaveLength(1);
  });
});

it("an environment without an account is refused by the names of what is missing", () => {
  expect(() => accessFrom({ CLOUDFLARE_API_TOKEN: "t" })).toThrow(/^CLOUDFLARE_ACCOUNT_ID must be set/);
  expect(() => accessFrom({})).toThrow(/^CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN must be set/);
});
