import "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the fakes of `global-setup.ts` answer; each belongs to one test file. */
    geminiFake: string;
    geminiChaosFake: string;
  }
}
