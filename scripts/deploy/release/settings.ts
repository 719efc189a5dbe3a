/** What a release is told by its environment. */
import { z } from "zod";
import { positiveDuration } from "../../../src/composition/variable-types.ts";

/** A job at GitHub ends after six hours, and there are two such steps in a release. */
const LONGEST_STEP_MS = 2 * 60 * 60_000;
const stepDuration = positiveDuration.refine((ms) => ms <= LONGEST_STEP_MS, "must be at most 2h");

const environment = z.object({
  PRODUCTION_URL: z
    .url({ protocol: /^https?$/, error: "must be the address of production, such as https://api.example" })
    .transform((url) => url.replace(/\/+$/, "")),
  RELEASE_STEP: stepDuration.default(10 * 60_000),
  RELEASE_STEP_MAX: stepDuration.default(30 * 60_000),
  RELEASE_POLL: positiveDuration.default(30_000),
  GITHUB_STEP_SUMMARY: z.string().optional(),
});

export interface ReleaseSettings {
  /** Without a slash at the end. */
  readonly productionUrl: string;
  readonly stepMs: number;
  /** How long a step may last for want of traffic. */
  readonly stepMaxMs: number;
  readonly pollMs: number;
  readonly summaryFile: string | undefined;
}

/** @throws {Error} naming every variable that is missing or wrong. */
export function settingsFrom(env: NodeJS.ProcessEnv, dryRun: boolean): ReleaseSettings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  // A plan needs no address.
  if (dryRun) given.PRODUCTION_URL ??= "https://production.example";
  const parsed = environment.safeParse(given);
  if (!parsed.success) throw new Error(`${z.prettifyError(parsed.error)}\ndocs/deploy.md tells what to set.`);
  const { PRODUCTION_URL, RELEASE_STEP, RELEASE_STEP_MAX, RELEASE_POLL, GITHUB_STEP_SUMMARY } = parsed.data;
  return {
    productionUrl: PRODUCTION_URL,
    stepMs: RELEASE_STEP,
    stepMaxMs: Math.max(RELEASE_STEP_MAX, RELEASE_STEP),
    pollMs: RELEASE_POLL,
    summaryFile: GITHUB_STEP_SUMMARY,
  };
}
