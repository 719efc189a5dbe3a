import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, expect } from "vitest";
import { printed, watch, watchConsole } from "./support/watched-log.ts";

const bindings = env as unknown as TestEnv & { readonly JWT_SECRET: string };
watchConsole();
watch.addSecret(bindings.JWT_SECRET);
await applyD1Migrations(bindings.DB, bindings.TEST_MIGRATIONS);

afterAll(() => {
  expect(watch.leaks(printed)).toEqual([]);
});
