import { describe, expect, it } from "vitest";
import { settingsFrom } from "./settings.ts";

describe("the settings of a release", () => {
  it("are ten minutes a step, up to thirty, and a look every thirty seconds", () => {
    const settings = settingsFrom({ PRODUCTION_URL: "https://api.example/", RELEASE_STEP: "" }, false);
    expect(settings).toEqual({
      productionUrl: "https://api.example",
      stepMs: 600_000,
      stepMaxMs: 1_800_000,
      pollMs: 30_000,
      summaryFile: undefined,
    });
  });

  it("name every variable that is wrong", () => {
    const env = { PRODUCTION_URL: "api.example", RELEASE_STEP: "soon", RELEASE_POLL: "0s" };
    expect(() => settingsFrom(env, false)).toThrow(/PRODUCTION_URL[\s\S]*RELEASE_STEP[\s\S]*RELEASE_POLL/);
    expect(() => settingsFrom({}, false)).toThrow(/PRODUCTION_URL/);
  });

  it("keep both steps of a release within the six hours of a job at GitHub", () => {
    const env = { PRODUCTION_URL: "https://api.example", RELEASE_STEP_MAX: "121m" };
    expect(() => settingsFrom(env, false)).toThrow(/at most 2h[\s\S]*RELEASE_STEP_MAX/);
  });

  it("let a step that is longer than the longest last as long as it is", () => {
    const env = { PRODUCTION_URL: "https://api.example", RELEASE_STEP: "2h" };
    expect(settingsFrom(env, false)).toMatchObject({ stepMs: 7_200_000, stepMaxMs: 7_200_000 });
  });
});
