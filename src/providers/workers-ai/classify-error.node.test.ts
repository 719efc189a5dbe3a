import { describe, expect, it } from "vitest";
import {
  CONFIG,
  failureOf,
  MODEL,
  PERSON,
  request,
  scriptedFailure,
  setUp,
  WISH,
} from "../../../test/support/workers-ai.ts";
import type { Scripted } from "./fake.ts";

describe("a failure", () => {
  it.each<[Scripted, string]>([
    [{ error: [5007, "No such model @cf/x or task"] }, "config"],
    [{ error: [3042, "The model name is invalid"] }, "config"],
    [{ error: [5018, "The account is not allowed to access this model"] }, "config"],
    [{ error: [3041, "The account is not allowed to access this model"] }, "config"],
    [{ error: [5016, "User has not agreed to the model terms"] }, "config"],
    [{ error: [3023, "Service unavailable for account"] }, "config"],
    [{ error: [5019, "Request trying to use deprecated SDK version"] }, "config"],
    [{ api: [10000, "Authentication error"] }, "config"],
    [{ error: [5004, "Invalid data type for base64 input: undefined"] }, "invalid_input"],
    [{ error: [5006, "AiError: Bad input: required properties at '/' are 'prompt'"] }, "invalid_input"],
    [{ error: [3003, "Request is missing headers or body: prompt"] }, "invalid_input"],
    [{ error: [3006, "Request is too large"] }, "invalid_input"],
    [{ error: [3007, "Request timeout"] }, "timeout"],
    [{ error: [3008, "Request was aborted"] }, "unavailable"],
    [{ error: [3040, "No more data centers to forward the request to"] }, "unavailable"],
    [{ error: [3030, "AiError: AiError: Input prompt contains NSFW content (8f3e)"] }, "blocked"],
    [
      {
        error: [3030, "AiError: Your output has been flagged. Please choose another prompt / input image combination"],
      },
      "blocked",
    ],
    [{ error: [9999, "Rejected by content moderation"] }, "blocked"],
    [{ answer: { errors: [{ code: 3030, message: "AiError: Output image contains NSFW content" }] } }, "blocked"],
    [{ error: [3030, "AiError: Model input is not valid: missing required input"] }, "invalid_input"],
    [{ error: [3030, "AiError: unknown model execution failure"] }, "unavailable"],
    [{ api: [429, "Too many requests"] }, "rate_limited"],
    [{ body: "Rate limit exceeded" }, "rate_limited"],
    [{ api: [7000, "No route for that URI"] }, "unavailable"],
    [{ body: "<html><title>502 Bad gateway</title></html>" }, "unavailable"],
    [{ body: "" }, "unavailable"],
    [{ throws: new TypeError("Network connection lost.") }, "unavailable"],
    [{ throws: new Error("Binding AI needs to be run remotely") }, "config"],
  ])("%j is %s", async (next, failure) => {
    expect((await scriptedFailure(next)).failure).toBe(failure);
  });

  it("is not judged by the user's words, should it repeat them", async () => {
    const { fake, generate } = setUp();
    const wish = "a safety vest, rate limit sign";
    fake.script({ error: [3030, `AiError: failed to run "${wish}"`] });
    expect((await failureOf(generate(request({ prompt: wish })))).failure).toBe("unavailable");
  });

  it.each([
    ["as they were sent", "ｆｌａｇｇｅｄ ＮＳＦＷ ship", "flagged NSFW ship"],
    ["as they were shortened", `NSFW ${"sea ".repeat(120)}`, `NSFW ${"sea ".repeat(120)}`.slice(0, 360).trim()],
    ["in one line", "flagged\n\nship", "flagged ship"],
  ])("is not judged by the user's words %s, and repeats none of them", async (_, wish, sent) => {
    for (const next of [
      { error: [3030, `AiError: failed to run ${sent} here`] },
      { answer: { errors: [{ code: 3030, message: `AiError: failed to run ${sent} here` }] } },
    ] satisfies Scripted[]) {
      const { fake, generate } = setUp();
      fake.script(next);
      const error = await failureOf(generate(request({ prompt: wish })));
      expect(fake.calls[0]?.form.prompt).toContain(`>${sent}<`);
      expect([error.failure, error.message]).toEqual(["unavailable", expect.stringMatching(/failed to run … here$/)]);
    }
  });

  it.each([
    ["NSFW", "Input prompt contains NSFW content"],
    ["flagged", "Your output has been flagged. Please choose another prompt / input image combination"],
  ])("that is a verdict can't be talked away by the wish «%s»", async (wish, verdict) => {
    const { fake, generate } = setUp();
    fake.script({ error: [3030, `AiError: AiError: ${verdict} (8f3e)`] });
    expect((await failureOf(generate(request({ prompt: wish })))).failure).toBe("blocked");
  });

  it("of the day's allocation waits until midnight UTC", async () => {
    const error = await scriptedFailure({
      error: [3036, "You have used up your daily free allocation of 10,000 neurons."],
    });
    expect([error.failure, error.retryAfterMs]).toEqual(["quota_day", 5.5 * 60 * 60_000]);
  });

  it.each<[Scripted]>([
    [{ error: [3040, "No more data centers to forward the request to"] }],
    [{ error: [3036, "You have used up your daily free allocation of 10,000 neurons."] }],
    [{ error: [5007, "No such model"] }],
    [{ error: [5006, "AiError: Bad input: required properties at '/' are 'prompt'"] }],
    [{ error: [3006, "Request is too large"] }],
    [{ error: [3030, "AiError: Model input is not valid: missing required input"] }],
    [{ api: [10000, "Authentication error"] }],
    [{ api: [429, "Too many requests"] }],
    [{ body: "Rate limit exceeded" }],
    [{ throws: new Error("Binding AI needs to be run remotely") }],
  ])("%j came before any model ran, and cost nothing", async (next) => {
    expect((await scriptedFailure(next)).usage).toEqual({ promptTokens: 0, outputTokens: 0, costMicros: 0 });
  });

  it.each<[Scripted]>([
    [{ error: [3030, "AiError: unknown model execution failure"] }],
    [{ error: [3030, "AiError: Your output has been flagged. Please choose another prompt"] }],
    [{ error: [3007, "Request timeout"] }],
    [{ error: [3008, "Request was aborted"] }],
    [{ error: [9999, "Something new"] }],
    [{ body: "<html><title>502 Bad gateway</title></html>" }],
    [{ throws: new TypeError("Network connection lost.") }],
  ])("%j may have come after the work, and cost nobody knows what", async (next) => {
    expect((await scriptedFailure(next)).usage).toBeNull();
  });

  it("says what it was in one clean line, without the user's words", async () => {
    const error = await scriptedFailure({ error: [5006, `Bad input:\n"${WISH}" at https://api.example/x?key=1`] });
    expect(error.message).toContain(MODEL);
    expect(error.message).toContain("5006");
    for (const leak of [WISH, "https://", "\n"]) expect(error.message).not.toContain(leak);
  });

  it("of a model the account has not, of a gateway that takes no forms, and of no connection is the operator's", async () => {
    const elsewhere = setUp({ config: { ...CONFIG, model: "@cf/gone/model" } });
    expect((await failureOf(elsewhere.generate())).failure).toBe("config");
    const gateway = setUp({ config: { ...CONFIG, gateway: "photos" } });
    const error = await failureOf(gateway.generate());
    expect([error.failure, error.message]).toEqual(["config", expect.stringContaining("Gateway")]);
    expect(gateway.fake.calls).toEqual([]);
  });

  it("of a source that can't be decoded is the input's, and nothing is asked", async () => {
    const { fake, generate } = setUp();
    const broken = { ...PERSON, bytes: new Uint8Array(400) };
    expect((await failureOf(generate(request({ person: broken })))).failure).toBe("invalid_input");
    expect(fake.attempts()).toBe(0);
  });

  it("of our own machinery stays what it is", async () => {
    const { generate } = setUp({ fitInto: () => Promise.reject(new RangeError("no room")) });
    await expect(generate()).rejects.toThrow(RangeError);
  });
});
