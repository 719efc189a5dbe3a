import { describe, expect, it, vi } from "vitest";
import { type Answer, afterRenewal, clientOf, FIRST, json, ME, problem, RENEWED, storeOf } from "./fake-service.ts";

describe("an expired access token", () => {
  it("is renewed once for 20 calls at once, each of which then succeeds", async () => {
    const tokens = storeOf(FIRST);
    const { client, calls } = clientOf(afterRenewal, { tokens });
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.api.GET(ME)));
    expect(answers.map(({ data }) => data?.id)).toEqual(Array.from({ length: 20 }, () => "usr_1"));
    const renewals = calls.filter(({ path }) => path === "/api/auth/refresh");
    expect(renewals.map(({ body, headers }) => [JSON.parse(body), headers.get("Authorization")])).toEqual([
      [{ refreshToken: "refresh-1" }, null],
    ]);
    expect(tokens.kept).toEqual(RENEWED);
  });

  it("is not renewed again by a call that was under way while another renewed it", async () => {
    let release: (answer: Response) => void = () => {};
    const slow = new Promise<Response>((resolve) => {
      release = resolve;
    });
    const { client, calls } = clientOf((call, index) => (index === 0 ? slow : afterRenewal(call, index)));
    const first = client.api.GET(ME);
    await client.api.GET(ME);
    release(problem(401, "unauthenticated"));
    expect((await first).data?.id).toBe("usr_1");
    expect(calls.filter(({ path }) => path === "/api/auth/refresh")).toHaveLength(1);
  });

  it("is renewed in the middle of an upload, which is sent again whole", async () => {
    const { client, calls } = clientOf(async (call, index) => {
      const answer = await afterRenewal(call, index);
      return answer.ok && call.path === "/api/images" ? json(201, { id: "img_1" }) : answer;
    });
    const image = await client.upload(new File(["the picture"], "me.jpg", { type: "image/jpeg" }), "person");
    expect(image.id).toBe("img_1");
    const uploads = calls.filter(({ path }) => path === "/api/images");
    expect(uploads).toHaveLength(2);
    for (const { body } of uploads) expect(body).toMatch(/name="kind"[\s\S]*person[\s\S]*me\.jpg[\s\S]*the picture/);
  });

  it("ends the session where it can't be renewed, and the call fails as unauthenticated", async () => {
    const tokens = storeOf(FIRST);
    const refused: Answer = ({ path }) =>
      problem(401, path === "/api/auth/refresh" ? "invalid_refresh_token" : "unauthenticated");
    const { client, calls } = clientOf(refused, { tokens });
    await expect(client.api.GET(ME)).rejects.toMatchObject({ code: "unauthenticated", status: 401 });
    expect(tokens.kept).toBeNull();
    expect(calls).toHaveLength(2);
  });

  it("leaves the session alone when renewing is not possible at present, and says so", async () => {
    const tokens = storeOf(FIRST);
    const down: Answer = ({ path }) =>
      path === "/api/auth/refresh" ? problem(503, "service_unavailable") : problem(401, "unauthenticated");
    const { client } = clientOf(down, { tokens, retries: 0 });
    await expect(client.api.GET(ME)).rejects.toMatchObject({ code: "service_unavailable" });
    expect(tokens.kept).toEqual(FIRST);
  });

  it("is renewed once a call: a second refusal is handed on", async () => {
    const { client, calls } = clientOf(({ path }) =>
      path === "/api/auth/refresh" ? json(200, RENEWED) : problem(401, "unauthenticated"),
    );
    await expect(client.api.GET(ME)).rejects.toMatchObject({ code: "unauthenticated" });
    expect(calls.map(({ path }) => path)).toEqual([ME, "/api/auth/refresh", ME]);
  });

  it("ends a session without a refresh token", async () => {
    const { client, calls } = clientOf(afterRenewal, { tokens: storeOf({ ...FIRST, refreshToken: null }) });
    await expect(client.api.GET(ME)).rejects.toMatchObject({ code: "unauthenticated" });
    expect(calls).toHaveLength(1);
  });

  describe("that is being renewed", () => {
    const OTHERS = { accessToken: "access-9", refreshToken: "refresh-9" };
    /** A client whose renewal is on its way, and what lets its answer through. */
    async function midway(answer: () => Response) {
      let release = () => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      const tokens = storeOf(FIRST);
      const { client, calls } = clientOf(
        async ({ path, headers }) => {
          if (path === "/api/auth/refresh") return held.then(answer);
          if (path === "/api/auth/login") return json(200, { ...OTHERS, user: {} });
          if (path === "/api/auth/logout") return new Response(null, { status: 204 });
          const isOthers = headers.get("Authorization") === `Bearer ${OTHERS.accessToken}`;
          return isOthers ? json(200, { id: "usr_9" }) : problem(401, "unauthenticated");
        },
        { tokens },
      );
      const call = client.api.GET(ME).then(
        ({ data }) => data?.id,
        (error: { code: string }) => error.code,
      );
      await vi.waitFor(() => expect(calls).toHaveLength(2));
      return { client, tokens, call, release };
    }
    const answers = [
      ["succeeds", () => json(200, RENEWED)],
      ["is refused", () => problem(401, "invalid_refresh_token")],
    ] as const;

    it.each(answers)("leaves a session alone that began meanwhile, when the renewal %s", async (_, answer) => {
      const { client, tokens, call, release } = await midway(answer);
      await client.login({ phone: "09121234567", password: "a long enough secret" });
      release();
      expect(await call).toBe("usr_9");
      expect(tokens.kept).toEqual(OTHERS);
    });

    it.each(answers)("brings back no session that was ended meanwhile, when the renewal %s", async (_, answer) => {
      const { client, tokens, call, release } = await midway(answer);
      await client.logout();
      release();
      expect(await call).toBe("unauthenticated");
      expect(tokens.kept).toBeNull();
    });
  });

  it("does not follow from wrong credentials", async () => {
    const { client, calls } = clientOf(() => problem(401, "invalid_credentials"));
    const login = client.login({ phone: "09121234567", password: "not the one" });
    await expect(login).rejects.toMatchObject({ code: "invalid_credentials" });
    expect(calls).toHaveLength(1);
  });
});
