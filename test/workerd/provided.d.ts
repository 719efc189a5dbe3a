import "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the fakes of `global-setup.ts` answer; each belongs to one test file. */
    geminiFake: string;
    geminiChaosFake: string;
    lokiFake: string;
    otlpFake: string;
    /** Sentry, which has every project there may be; `dsn` is that of one. */
    sentryFake: { url: string; dsn: string };
    /** Telegram's Bot API, whose chats are those with ids below -100; each belongs to one test. */
    telegramFake: { url: string; botToken: string };
  }
}
