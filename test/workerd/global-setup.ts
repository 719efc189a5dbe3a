import type { TestProject } from "vitest/node";
// The Worker's assets: what /api/docs answers.
import "../../scripts/build-docs-page.ts";
import { startGeminiFake } from "../../src/providers/gemini/fake.ts";
import type { HttpFake } from "../../src/providers/http-fake.ts";
import { startLokiFake } from "../../src/providers/loki/fake.ts";
import { startOtlpFake } from "../../src/providers/otlp/fake.ts";
import { startSentryFake } from "../../src/providers/sentry/fake.ts";
import { startTelegramFake } from "../../src/providers/telegram/fake.ts";

let fakes: readonly HttpFake[] = [];

/** Real HTTP servers, which workerd can call and can't run. */
export async function setup({ provide }: TestProject): Promise<void> {
  const options = { resultSidePx: 128 };
  const isGroup = (chatId: string) => chatId.startsWith("-100");
  const [plain, chaotic, telegram, loki, otlp, sentry] = await Promise.all([
    startGeminiFake(options),
    startGeminiFake(options),
    startTelegramFake({ chatId: isGroup }),
    startLokiFake(),
    startOtlpFake(),
    startSentryFake({ hasProject: () => true }),
  ]);
  fakes = [plain, chaotic, telegram, loki, otlp, sentry];
  provide("geminiFake", plain.url);
  provide("geminiChaosFake", chaotic.url);
  provide("lokiFake", loki.url);
  provide("otlpFake", otlp.url);
  provide("sentryFake", { url: sentry.url, dsn: sentry.dsn });
  provide("telegramFake", { url: telegram.url, botToken: telegram.botToken });
}

export async function teardown(): Promise<void> {
  await Promise.all(fakes.map((fake) => fake.close()));
}
