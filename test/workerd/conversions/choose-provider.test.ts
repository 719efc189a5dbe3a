import { describe, expect, it } from "vitest";
import { apiWith } from "../support/app.ts";
import { signUp } from "../support/client.ts";

describe("a provider that is not set up", () => {
  const messageOf = async (variables: object, wish: object) => {
    const { token } = await signUp();
    const json = { kind: "style", stylePreset: "oil", personImageId: "img_x", ...wish };
    const response = await apiWith(variables, "/api/conversions", { token, json });
    expect(response.status).toBe(422);
    const { errors } = (await response.json()) as { errors: { path: string; message: string }[] };
    expect(errors.map(({ path }) => path)).toEqual(["provider"]);
    return errors[0]?.message;
  };

  it("is refused with what there is instead, and with the way to allow it where there is one", async () => {
    expect(await messageOf({}, { provider: "gemini" })).toBe(
      'This provider is not set up here. Available: local; or send fallback: "allow".',
    );
  });

  it("is refused with fallback, too, where nobody of lower quality could take over", async () => {
    const paid = { PROVIDERS: "gemini", GEMINI_API_KEY: "k" };
    expect(await messageOf(paid, { provider: "local", fallback: "allow" })).toBe(
      "This provider is not set up here. Available: gemini.",
    );
  });
});
