/** The way back: each Worker to the version before. */
import type { CloudflareApi } from "../cloudflare-api.ts";
import type { Say } from "../plan.ts";
import { type SplitOptions, setSplit } from "./account.ts";
import { takenBackMessage } from "./history.ts";

export interface BackTo {
  readonly name: string;
  readonly version: string;
}

export interface TakenBack {
  /** A line for each Worker. */
  readonly lines: readonly string[];
  readonly isWhole: boolean;
}

export interface TakeBackOptions extends Pick<SplitOptions, "pauseMs" | "check"> {
  readonly release: string;
  readonly say: Say;
}

/** For people. Not `versions deploy`, which also gives the Worker the settings of the configuration in this folder. */
export function rollbackCommand(name: string, version: string): string {
  return `npx wrangler rollback ${version} --name ${name}`;
}

/**
 * In the order given, and each by itself, so that one that can't be taken back keeps none of the others from it. Data
 * stays as it is. Does no harm when it is repeated.
 */
export async function takeBack(
  api: CloudflareApi,
  back: readonly BackTo[],
  { release, say, ...options }: TakeBackOptions,
): Promise<TakenBack> {
  const lines: string[] = [];
  let isWhole = true;
  for (const { name, version } of back) {
    let line = `${name} is back on ${version}`;
    try {
      const message = takenBackMessage(release);
      await setSplit(api, name, [{ version_id: version, percentage: 100 }], { message, ...options });
    } catch (error) {
      isWhole = false;
      const why = error instanceof Error ? error.message : error;
      line = `${name} could NOT be taken back (${why}); by hand: ${rollbackCommand(name, version)}`;
    }
    lines.push(line);
    say(`      ${line}`);
  }
  return { lines, isWhole };
}
