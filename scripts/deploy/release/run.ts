/** What the steps of one release share. */
import { appendFile } from "node:fs/promises";
import { stopRequested } from "../../stop-requested.ts";
import type { CloudflareAccess, CloudflareApi } from "../cloudflare-api.ts";
import type { Say } from "../plan.ts";
import { PendingSecrets } from "../secrets.ts";
import type { WorkerRole } from "../workers.ts";
import { wrangler } from "../wrangler.ts";
import type { WorkerState } from "./account.ts";
import { checkout, headOf } from "./checkout.ts";
import type { ReleaseSettings } from "./settings.ts";

/** What tests put something else in the place of. */
export interface ReleaseTools {
  readonly wrangler: typeof wrangler;
  readonly secrets: Pick<PendingSecrets, "read" | "drop">;
  /** Of the first of several tries. */
  readonly pauseMs: number;
  commit(): Promise<string>;
  /** Resolves, with by whom, when this process is to end. */
  stopRequested(): Promise<string>;
  /**
   * The database of this checkout's configurations. `deployed` is the commit in production, where it is known.
   * @throws {Error} telling what keeps the checkout from being released.
   */
  checkout(deployed: string | null): Promise<{ readonly databaseId: string }>;
}

/** A Worker on its way from one version to another. */
export interface Moving {
  readonly role: WorkerRole;
  readonly name: string;
  readonly config: string;
  /** What it goes back to; null when there is nothing. */
  readonly old: string | null;
  /** Why it can only be deployed at once, and not beside its old version; null when it can. */
  readonly alone: string | null;
  /** Whether wrangler stops where somebody changed the Worker by other means. */
  readonly isStrict: boolean;
  fresh: string | null;
  /** Whether traffic may have been moved. */
  isTouched: boolean;
}

export interface Run {
  readonly access: CloudflareAccess;
  readonly api: CloudflareApi;
  readonly settings: ReleaseSettings;
  readonly tools: ReleaseTools;
  readonly say: Say;
  /** Its reason is an error that tells who stopped the release. */
  readonly signal: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
  readonly commit: string;
  readonly release: string;
  /** What is in production now, where it is known. */
  readonly deployed: string | null;
  readonly workers: readonly Moving[];
  databaseId: string;
  /** When traffic was last moved, by Cloudflare's clock: this machine's may be wrong, and would show another time. */
  movedAt: Date;
  bookmark: string | null;
}

export const REAL_TOOLS: ReleaseTools = {
  wrangler,
  secrets: new PendingSecrets(),
  pauseMs: 2_000,
  commit: () => headOf(),
  stopRequested,
  checkout,
};

function whyAlone({ history, migrationTag, wantedTag }: WorkerState): string | null {
  if (history.length === 0) return "its first deployment";
  if (migrationTag === wantedTag) return null;
  return `Durable Object migrations, ${migrationTag ?? "none"} to ${wantedTag ?? "none"}`;
}

/** `old` is what it has once that is put right which an earlier release left. */
export function moving(state: WorkerState, old: string | null): Moving {
  const { role, name, config, lastDeployedFrom } = state;
  // A release moves traffic by calls of the API, and wrangler can't tell them from somebody else's.
  const isStrict = lastDeployedFrom !== "api";
  return { role, name, config, old, alone: whyAlone(state), isStrict, fresh: null, isTouched: false };
}

/** On the page of the workflow's run, where there is one. */
export async function summarize({ settings }: Pick<Run, "settings">, text: string): Promise<void> {
  if (settings.summaryFile !== undefined) await appendFile(settings.summaryFile, `${text}\n\n`);
}
