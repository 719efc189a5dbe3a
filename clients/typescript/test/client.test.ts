import { describe, expect, it, vi } from "vitest";
import { ApiProblem, type Client, createClient } from "../src/index.ts";
import { type Answer, afterRenewal, BASE, clientOf, FIRST, json, ME, problem, storeOf } from "./fake-service.ts";

describe("a request", () => {
  const down = () => problem(503, "service_unavailable", { "Retry-After": "0" });
  const lost = () => {
    throw new TypeError("network");
  };
  const convert = (client: Client) =>
    client.convert({
      kind: "style",
      personImageId: "img_1",
      stylePreset: "oil",
    });

  it.each([
    ["answered 503", down],
    ["answered 429", () => problem(429, "rate_limited", { "Retry-After": "0" })],
    ["lost", lost],
  ])("that reads is sent again when it was %s", async (_, fail) => {
    const { client, calls } = clientOf((_call, index) => (index < 2 ? fail() : json(200, { id: "usr_1" })));
    expect((await client.api.GET(ME)).data?.id).toBe("usr_1");
    expect(calls).toHaveLength(3);
  });

  it.each([
    ["answered 503", down, "service_unavailable"],
    ["lost", lost, undefined],
  ])("that changes something without a key is not sent again when it was %s", async (_, fail, code) => {
    const { client, calls } = clientOf(fail);
    const calling = [
      () => client.api.PATCH(ME, { body: { name: "Nila" } }),
      () => client.api.DELETE("/api/images/{id}", { params: { path: { id: "img_1" } } }),
      () => client.upload(new Blob(["the picture"]), "person"),
    ];
    for (const [i, call] of calling.entries()) {
      const error = await call().catch((thrown: unknown) => thrown);
      expect((error as ApiProblem).code).toBe(code);
      expect(calls).toHaveLength(i + 1);
    }
  });

  it.each([400, 404, 409, 500, 502])("is not sent again when it was answered %i", async (status) => {
    const { client, calls } = clientOf(() => problem(status, "internal_error"));
    await expect(client.api.GET(ME)).rejects.toMatchObject({ status });
    expect(calls).toHaveLength(1);
  });

  it("for a conversion is sent again with the same key, past its first one at work", async () => {
    const { client, calls } = clientOf((_call, index) => {
      if (index === 0) return lost();
      if (index === 1) return problem(409, "idempotency_in_flight", { "Retry-After": "0" });
      return json(202, { id: "cnv_1" });
    });
    expect((await convert(client)).id).toBe("cnv_1");
    const keys = calls.map(({ headers }) => headers.get("Idempotency-Key"));
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("is not sent more often than allowed", async () => {
    const { client, calls } = clientOf(down, { retries: 2 });
    await expect(client.api.GET(ME)).rejects.toBeInstanceOf(ApiProblem);
    expect(calls).toHaveLength(3);
  });

  it("waits for as long as the service asks, and hands longer waits on with the time", async () => {
    const { client, calls } = clientOf((_call, index) =>
      problem(429, "rate_limited", { "Retry-After": index === 0 ? "1" : "3600" }),
    );
    const startedAt = performance.now();
    await expect(client.api.GET(ME)).rejects.toMatchObject({ code: "rate_limited", retryAfterMs: 3_600_000 });
    expect(performance.now() - startedAt).toBeGreaterThan(950);
    expect(calls).toHaveLength(2);
  });

  it("never waits longer than allowed by itself", async () => {
    const { client, calls } = clientOf(lost, { retries: 40, longestWaitMs: 2 });
    await expect(client.api.GET(ME)).rejects.toThrow("network");
    expect(calls).toHaveLength(41);
  });

  it("that takes too long counts as lost", async () => {
    const hang: Answer = () => new Promise(() => {});
    const calls: AbortSignal[] = [];
    const fetch = (request: Request) => {
      calls.push(request.signal);
      if (calls.length > 1) return Promise.resolve(json(200, { id: "usr_1" }));
      return Promise.race([
        hang({ method: "", path: "", headers: new Headers(), body: "" }, 0),
        new Promise<Response>((_, reject) =>
          request.signal.addEventListener("abort", () => reject(request.signal.reason)),
        ),
      ]);
    };
    const { data } = await createClient({ baseUrl: BASE, fetch, timeoutMs: 30 }).api.GET(ME);
    expect(data?.id).toBe("usr_1");
    expect(calls[0]?.reason).toMatchObject({ name: "TimeoutError" });
  });

  it("that its caller gave up is not sent again, even while it waits", async () => {
    const { client, calls } = clientOf(() => problem(503, "service_unavailable", { "Retry-After": "10" }));
    const controller = new AbortController();
    const answer = client.api.GET(ME, { signal: controller.signal });
    await vi.waitFor(() => expect(calls).toHaveLength(1));
    controller.abort(new Error("enough"));
    await expect(answer).rejects.toThrow("enough");
    expect(calls).toHaveLength(1);
  });

  it("that its caller gave up, before or under way, is given up by fetch as well", async () => {
    const signals: AbortSignal[] = [];
    const fetch = (request: Request) => {
      signals.push(request.signal);
      return new Promise<Response>((_, reject) => {
        request.signal.addEventListener("abort", () => reject(request.signal.reason));
        if (request.signal.aborted) reject(request.signal.reason);
      });
    };
    const client = createClient({ baseUrl: BASE, fetch });
    const controller = new AbortController();
    const underWay = expect(client.api.GET(ME, { signal: controller.signal })).rejects.toThrow("enough");
    await vi.waitFor(() => expect(signals).toHaveLength(1));
    controller.abort(new Error("enough"));
    await underWay;
    expect(signals.map(({ reason }) => reason)).toEqual([new Error("enough")]);
    const before = AbortSignal.abort(new Error("no"));
    const startedAt = performance.now();
    await expect(client.api.GET(ME, { signal: before })).rejects.toThrow("no");
    expect(performance.now() - startedAt).toBeLessThan(50);
    expect(signals.length).toBeLessThanOrEqual(2);
  });

  it("that its caller gave up leaves a renewal that others wait for alone, and waits for it no longer", async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { client, calls } = clientOf(async (call, index) => {
      if (call.path === "/api/auth/refresh") await held;
      return afterRenewal(call, index);
    });
    const controller = new AbortController();
    const [given, other] = [client.api.GET(ME, { signal: controller.signal }), client.api.GET(ME)];
    const gaveUp = expect(given).rejects.toThrow("enough");
    await vi.waitFor(() => expect(calls).toHaveLength(3));
    controller.abort(new Error("enough"));
    await gaveUp;
    release();
    expect((await other).data?.id).toBe("usr_1");
  });
});

describe("an error", () => {
  it("tells code, request and the fields that are wrong", async () => {
    const errors = [{ path: "name", code: "too_long", message: "at most 100 characters" }];
    const { client } = clientOf(() =>
      json(
        422,
        { code: "validation_failed", detail: "Look.", requestId: "r9", errors },
        {
          "Content-Type": "application/problem+json",
        },
      ),
    );
    const call = client.api.PATCH(ME, { body: { name: "x".repeat(101) } });
    await expect(call).rejects.toMatchObject({
      name: "ApiProblem",
      message: "Look.",
      status: 422,
      code: "validation_failed",
      requestId: "r9",
      errors,
      retryAfterMs: null,
    });
  });

  it.each([
    ["a page", "<h1>Bad gateway</h1>", "text/html"],
    ["half a problem", '{"code":"not_f', "application/problem+json"],
    ["null", "null", "application/problem+json"],
    ["a text", '"no"', "application/problem+json"],
    ["nothing", null, "application/problem+json"],
  ])("of something before the API, such as %s, is an ApiProblem of unknown code", async (_, body, type) => {
    const { client } = clientOf(() => new Response(body, { status: 502, headers: { "Content-Type": type } }));
    await expect(client.api.GET(ME)).rejects.toMatchObject({
      name: "ApiProblem",
      code: "unknown",
      status: 502,
      errors: [],
    });
  });

  it("tells how long to wait, where that is told by a date too", async () => {
    const at = new Date(Date.now() + 3_600_000).toUTCString();
    const { client } = clientOf(() => problem(503, "service_unavailable", { "Retry-After": at }));
    const error = await client.api.GET(ME).catch((thrown: unknown) => thrown);
    const { retryAfterMs } = error as ApiProblem;
    expect(retryAfterMs).toBeGreaterThan(3_590_000);
    expect(retryAfterMs).toBeLessThanOrEqual(3_600_000);
  });
});

describe("a session", () => {
  it("begins with a login and ends with a logout, here and there", async () => {
    const tokens = storeOf(null);
    const { client, calls } = clientOf(
      ({ path }) =>
        path === "/api/auth/login" ? json(200, { ...FIRST, user: {} }) : new Response(null, { status: 204 }),
      { tokens },
    );
    await client.login({ phone: "09121234567", password: "a long enough secret" });
    expect(tokens.kept).toEqual(FIRST);
    await client.logout();
    expect(tokens.kept).toBeNull();
    expect(calls.at(-1)?.headers.get("Authorization")).toBe("Bearer access-1");
  });

  it("that has ended on the server already ends here all the same", async () => {
    const tokens = storeOf({ accessToken: "access-1", refreshToken: null });
    const { client } = clientOf(() => problem(401, "unauthenticated"), { tokens });
    await client.logout();
    expect(tokens.kept).toBeNull();
  });

  it("whose end can't be told to the server stays, for another try", async () => {
    const tokens = storeOf(FIRST);
    const { client } = clientOf(() => problem(503, "service_unavailable"), { tokens });
    await expect(client.logout()).rejects.toMatchObject({ code: "service_unavailable" });
    expect(tokens.kept).toEqual(FIRST);
  });
});

it("a download is the picture's bytes, in the variant asked for", async () => {
  const { client, calls } = clientOf(() => new Response("bytes", { headers: { "Content-Type": "image/webp" } }));
  const blob = await client.download("img_1", { variant: "thumbnail" });
  expect([await blob.text(), calls[0]?.path]).toEqual(["bytes", "/api/images/img_1/content?variant=thumbnail"]);
});
