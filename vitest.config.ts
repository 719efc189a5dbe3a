import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

const migrations = await readD1Migrations("migrations/d1");
const sample = (name: string) => readFileSync(`samples/${name}`).toString("base64");

export default defineConfig({
  test: {
    // Most tests wait for answers more than they compute: two at a time, even where there is a core to spare for one.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    coverage: {
      provider: "istanbul",
      include: ["src/**/*.ts", "durable-objects/**/*.ts"],
      exclude: ["**/*.test.ts", "**/*.d.ts", "**/*.config.ts"],
      reporter: ["text-summary", "json-summary", "html"],
      thresholds: { lines: 80 },
    },
    projects: [
      {
        test: {
          name: "unit",
          environment: "node",
          include: [
            "src/**/*.test.ts",
            "durable-objects/**/*.test.ts",
            "scripts/**/*.test.ts",
            "clients/*/test/**/*.test.ts",
          ],
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./test/workerd/wrangler.toml" },
            miniflare: { bindings: { TEST_MIGRATIONS: migrations, TEST_PERSON: sample("person-astronaut.png") } },
          }),
        ],
        test: {
          name: "workerd",
          include: ["test/workerd/**/*.test.ts"],
          globalSetup: ["test/workerd/global-setup.ts"],
          setupFiles: ["test/workerd/setup.ts"],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "e2e",
          environment: "node",
          include: ["test/e2e/**/*.test.ts"],
          setupFiles: ["test/e2e/setup.ts"],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          // Each starts a stack of its own; after the others, for the sake of those that measure time.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
