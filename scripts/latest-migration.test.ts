import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { LATEST_MIGRATION } from "../src/db/d1/latest-migration.ts";

it("the code names the migration that is the last in the folder", () => {
  const files = readdirSync(join(import.meta.dirname, "../migrations/d1")).filter((name) => name.endsWith(".sql"));
  expect(files.sort().at(-1)).toBe(LATEST_MIGRATION);
});
