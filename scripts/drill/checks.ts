/** What must hold after a crash drill, seen from outside, through the API. */
import { ApiClient, type Conversion as ApiConversion, sha256, type Usage } from "../api-client.ts";
import type { Created, DrillUser } from "./load.ts";

export const MAX_ATTEMPTS = 20;
/** The default PROVIDER_TIMEOUT. */
const LONG_ATTEMPT_MS = 90_000;

export interface Check {
  readonly name: string;
  /** How many things were looked at, or what was found. */
  readonly seen: string;
  readonly problems: readonly string[];
}

export interface Conversion extends ApiConversion {
  readonly attempt: number;
  readonly deadlineAt: string;
}

export type Owned = readonly { readonly user: DrillUser; readonly conversions: readonly Conversion[] }[];

export function isActive({ status }: Pick<Conversion, "status">): boolean {
  return status === "queued" || status === "processing";
}

export async function listConversions(url: string, user: DrillUser): Promise<Conversion[]> {
  const client = new ApiClient(url, user.token);
  const all: Conversion[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page: { items: Conversion[]; nextCursor: string | null } = await client.call(
      "GET",
      `/api/conversions?limit=100${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    all.push(...page.items);
    cursor = page.nextCursor;
  }
  return all;
}

/** Exactly what was asked for is there, once, and has ended. */
export function checkConversions(wanted: number, created: readonly Created[], owned: Owned): Check[] {
  const ids = owned.flatMap(({ conversions }) => conversions.map(({ id }) => id));
  const listed = new Set(ids);
  const answered = new Set(created.map(({ id }) => id));
  const counted = [
    ...(ids.length === wanted ? [] : [`${ids.length} conversions are listed`]),
    ...(answered.size === wanted ? [] : [`${answered.size} different ids were answered`]),
    ...[...answered].filter((id) => !listed.has(id)).map((id) => `${id} was answered and is not listed`),
    ...[...listed].filter((id) => !answered.has(id)).map((id) => `${id} is listed and was never answered`),
  ];
  const unfinished = owned.flatMap(({ conversions }) => conversions.filter(isActive));
  return [
    {
      name: `exactly ${wanted} conversions`,
      seen: `${ids.length} listed, ${answered.size} answered`,
      problems: counted,
    },
    {
      name: "all have ended",
      seen: `${ids.length - unfinished.length} of ${ids.length}`,
      problems: unfinished.map(({ id, status, attempt }) => `${id} is still ${status}, attempt ${attempt}`),
    },
  ];
}

/** Crashes and a busy machine explain some ends; any other one would be a pretext of the built-in engine. */
function pretext(conversion: Conversion, crashes: number): string | null {
  const { status, error, attempt, startedAt, completedAt, deadlineAt } = conversion;
  const ended = completedAt === null ? Number.NaN : Date.parse(completedAt);
  if (status === "expired") return ended >= Date.parse(deadlineAt) ? null : `expired before its deadline ${deadlineAt}`;
  if (status !== "failed") return `nobody asked for ${status}`;
  if (error === null || error.message === "") return "failed without an error";
  const ranMs = startedAt === null ? 0 : ended - Date.parse(startedAt);
  if (error.code === "worker_lost" && attempt >= MAX_ATTEMPTS && crashes >= attempt) return null;
  if (error.code === "provider_timeout" && ranMs >= LONG_ATTEMPT_MS) return null;
  return `failed with ${error.code} after ${attempt} attempts and ${Math.round(ranMs / 1000)} s`;
}

/** Nothing failed, or what failed says truthfully why. */
export function checkFailures(crashes: number, owned: Owned): Check {
  const others = owned
    .flatMap(({ conversions }) => conversions)
    .filter((conversion) => conversion.status !== "succeeded" && !isActive(conversion));
  const problems = others.flatMap((conversion) => {
    const problem = pretext(conversion, crashes);
    return problem === null ? [] : [`${conversion.id}: ${problem}`];
  });
  return { name: "no failure without a true reason", seen: `${others.length} did not succeed`, problems };
}

async function downloadProblem(client: ApiClient, { id, output }: Conversion): Promise<string | null> {
  if (output === null) return `${id} succeeded without an output`;
  try {
    const bytes = await client.download(output.url);
    if (bytes.length !== output.bytes) return `${id}: ${bytes.length} bytes instead of ${output.bytes}`;
    return sha256(bytes) === output.sha256 ? null : `${id}: the SHA-256 is not ${output.sha256}`;
  } catch (error) {
    return `${id}: ${(error as Error).message}`;
  }
}

export async function checkDownloads(url: string, owned: Owned): Promise<Check> {
  const client = new ApiClient(url);
  const problems: string[] = [];
  let downloads = 0;
  for (const { conversions } of owned) {
    for (const conversion of conversions.filter(({ status }) => status === "succeeded")) {
      const problem = await downloadProblem(client, conversion);
      if (problem === null) downloads += 1;
      else problems.push(problem);
    }
  }
  return { name: "every result downloads with its SHA-256 and size", seen: `${downloads} downloaded`, problems };
}

export async function checkUsage(url: string, owned: Owned): Promise<Check> {
  const problems: string[] = [];
  let sum = 0;
  for (const { user, conversions } of owned) {
    const usage = await new ApiClient(url, user.token).call<Usage>("GET", "/api/users/me/usage");
    const { used, reserved, remaining, limit } = usage.conversions;
    const successes = conversions.filter(({ status }) => status === "succeeded").length;
    if (used !== successes) problems.push(`${user.id}: ${used} used, ${successes} succeeded`);
    if (reserved !== 0) problems.push(`${user.id}: ${reserved} still reserved`);
    if (used + reserved + remaining !== limit) {
      problems.push(`${user.id}: ${used} used + ${reserved} reserved + ${remaining} remaining is not ${limit}`);
    }
    sum += used;
  }
  return { name: "exactly the successes are used up", seen: `${sum} used by ${owned.length} users`, problems };
}
