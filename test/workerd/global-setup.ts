import type { TestProject } from "vitest/node";
import { type GeminiFake, startGeminiFake } from "../../src/providers/gemini/fake.ts";

let fakes: readonly GeminiFake[] = [];

/** Real HTTP servers, which workerd can call and can't run. */
export async function setup({ provide }: TestProject): Promise<void> {
  const options = { resultSidePx: 128 };
  const [plain, chaotic] = await Promise.all([startGeminiFake(options), startGeminiFake(options)]);
  fakes = [plain, chaotic];
  provide("geminiFake", plain.url);
  provide("geminiChaosFake", chaotic.url);
}

export async function teardown(): Promise<void> {
  await Promise.all(fakes.map((fake) => fake.close()));
}
