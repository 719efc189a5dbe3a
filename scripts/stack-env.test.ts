import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { configFromEnvironment, readDevVars, wranglerEnvironment } from "./stack-env.ts";

describe("readDevVars", () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    vi.stubEnv("JWT_SECRET", undefined);
    folder = await mkdtemp(join(tmpdir(), "ai-styler-vars-"));
    file = join(folder, ".dev.vars");
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  it("makes a private file with a random secret once, and reads it from then on", async () => {
    const first = await readDevVars(file);
    expect(first.made).toContain("made");
    expect(first.variables.ENVIRONMENT).toBe("development");
    expect(first.variables.JWT_SECRET?.length).toBeGreaterThanOrEqual(32);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readDevVars(file)).toEqual({ variables: first.variables, made: null });
  });

  it("adds a secret to a file that has none and leaves the rest as it was", async () => {
    await writeFile(file, "LOG_LEVEL=debug");
    const { variables } = await readDevVars(file);
    expect(variables.LOG_LEVEL).toBe("debug");
    expect(variables.JWT_SECRET).toBeDefined();
    expect(await readFile(file, "utf8")).toMatch(/^LOG_LEVEL=debug\nJWT_SECRET=/);
  });
});

it("hands on configuration variables only, empty ones too", () => {
  const given = { LOG_LEVEL: "debug", JWT_SECRET: "", AWS_SECRET_ACCESS_KEY: "no" };
  expect(configFromEnvironment(given)).toEqual({ LOG_LEVEL: "debug", JWT_SECRET: "" });
});

it("keeps the rest of the environment from the Workers", () => {
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "no");
  const environment = wranglerEnvironment("/state", { LOG_LEVEL: "debug" });
  vi.unstubAllEnvs();
  expect(environment).toMatchObject({ LOG_LEVEL: "debug", WRANGLER_REGISTRY_PATH: "/state/registry" });
  expect(environment).not.toHaveProperty("AWS_SECRET_ACCESS_KEY");
});
