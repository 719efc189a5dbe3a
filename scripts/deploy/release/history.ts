/** What the deployments of a Worker tell of the releases that made them. */

export interface Split {
  readonly version_id: string;
  readonly percentage: number;
}

export interface Deployment {
  readonly createdAt: Date;
  readonly message: string;
  readonly versions: readonly Split[];
}

/** Newest first: the first is in force. */
export type History = readonly Deployment[];

const TAKEN_BACK = "taken back";
const ALONE = "100 %, alone";
const MESSAGE = /^release (\S+ of \S+): (.*)$/;

/** Which commit, and when: two releases of one commit are two. */
export function releaseName(commit: string, startedAt: Date): string {
  return `${commit.slice(0, 12)} of ${startedAt.toISOString()}`;
}

/** Cloudflare keeps 100 bytes of a deployment's message, which is enough for this. */
export function messageOf(release: string, step: string): string {
  return `release ${release}: ${step}`;
}

/** Of a deployment that is watched; who finds it later knows from then on that its release is dead. */
export function shareMessage(release: string, share: number, mostMs: number): string {
  return messageOf(release, `${share} %, ${Math.ceil(mostMs / 60_000)} min at most`);
}

export function aloneMessage(release: string): string {
  return messageOf(release, ALONE);
}

export function takenBackMessage(release: string): string {
  return messageOf(release, TAKEN_BACK);
}

/** Null for a deployment that no release made. */
export function releaseOf(deployment: Deployment | undefined): string | null {
  return MESSAGE.exec(deployment?.message ?? "")?.[1] ?? null;
}

export function isTakenBack(deployment: Deployment | undefined): boolean {
  return MESSAGE.exec(deployment?.message ?? "")?.[2] === TAKEN_BACK;
}

/** How long its release keeps two versions in traffic at the most, in ms; null where it doesn't tell. */
export function mostMsOf(deployment: Deployment | undefined): number | null {
  const told = /(\d+) min at most$/.exec(deployment?.message ?? "")?.[1];
  return told === undefined ? null : Number(told) * 60_000;
}

/** Deployed at once, for Cloudflare could not have split it: there is no way back. */
export function isAlone(deployment: Deployment | undefined): boolean {
  return MESSAGE.exec(deployment?.message ?? "")?.[2] === ALONE;
}

/** The beginning of the hash of the commit that has all traffic, maybe again; null where no release tells. */
export function commitOf(history: History): string | null {
  const version = soleVersion(history[0]);
  if (version === null) return null;
  const giving = history.find((deployment) => soleVersion(deployment) === version && !isTakenBack(deployment));
  return releaseOf(giving)?.split(" ")[0] ?? null;
}

/** Two versions at once, even where one has 0 %. */
export function isSplit(deployment: Deployment | undefined): boolean {
  return (deployment?.versions.length ?? 0) > 1;
}

/** The version that has all traffic. */
export function soleVersion(deployment: Deployment | undefined): string | null {
  const [version, ...others] = deployment?.versions ?? [];
  return version !== undefined && others.length === 0 ? version.version_id : null;
}

/**
 * The version that a Worker had before the release, or, of a split that no release made, the one with the greater
 * share, and the older one of two halves. Null when there is none.
 */
export function versionBefore(history: History, release: string | null): string | null {
  if (release !== null) {
    // What a release takes back at its beginning is what somebody else had left, so it is before it, too.
    const before = history.find((deployment) => releaseOf(deployment) !== release || isTakenBack(deployment));
    if (before !== undefined && soleVersion(before) !== null) return soleVersion(before);
  }
  const [newest, ...older] = history;
  if (!isSplit(newest)) return null;
  const ageOf = ({ version_id }: Split) =>
    older.findLastIndex((it) => it.versions.some((v) => v.version_id === version_id));
  const sorted = newest?.versions.toSorted((a, b) => b.percentage - a.percentage || ageOf(b) - ageOf(a));
  return sorted?.[0]?.version_id ?? null;
}
