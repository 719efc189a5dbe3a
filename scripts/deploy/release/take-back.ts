/** The way back: each Worker to the version before. */
import type { CloudflareApi } from "../cloudflare-api.ts";
import type { Say } from "../plan.ts";
import { setSplit } from "./account.ts";
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

/**
 * In the order given, and each by itself, so that one that can't be taken back keeps none of the others from it. Data
 * stays as it is. Does no harm when it is repeated.
 */
export async function takeBack(
  api: CloudflareApi,
  back: readonly BackTo[],
  { release, say, pauseMs }: { readonly release: string; readonly say: Say; readonly pauseMs: number },
): Promise<TakenBack> {
  const lines: string[] = [];
  let isWhole = true;
  for (const { name, version } of back) {
    let line = `${name} is back on ${version}`;
    try {
      const options = { message: takenBackMessage(release), pauseMs };
      await setSplit(api, name, [{ version_id: version, percentage: 100 }], options);
    } catch (error) {
      isWhole = false;
      const byHand = `npx wrangler versions deploy ${version}@100% --name ${name} --yes`;
      line = `${name} could NOT be taken back (${error instanceof Error ? error.message : error}); by hand: ${byHand}`;
    }
    lines.push(line);
    say(`      ${line}`);
  }
  return { lines, isWhole };
}
