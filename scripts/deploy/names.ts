/** What everything is called on the account: production's, and each preview's. */
import { createHash } from "node:crypto";
import { WORKERS, type WorkerRole } from "./workers.ts";

export const QUEUE_ROLES = ["conversions", "conversions-dead", "sms", "alerts"] as const;
export type QueueRole = (typeof QUEUE_ROLES)[number];

export interface Names {
  /** Null for production. */
  readonly slug: string | null;
  readonly workers: Readonly<Record<WorkerRole, string>>;
  readonly database: string;
  readonly bucket: string;
  readonly queues: Readonly<Record<QueueRole, string>>;
  /** Of Analytics Engine: made by the first point, and nothing deletes it. */
  readonly dataset: string;
}

/** Begins the names of a preview's resources. Nothing else on the account may: the sweep goes by it. */
const PREVIEW_PREFIX = "ai-styler-preview-";
const HASH_LENGTH = 10;
/** With `ai-styler-preview-` before and `-conversions-dead` after it 63 characters, which is what a queue may have. */
const SLUG_LENGTH = 28;
const SLUG = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const HASHED = new RegExp(`-[0-9a-f]{${HASH_LENGTH}}$`);

/** The branch that is production. */
export const PRODUCTION_BRANCH = "main";

function byRole<R extends string>(roles: readonly R[], nameOf: (role: R) => string): Record<R, string> {
  return Object.fromEntries(roles.map((role) => [role, nameOf(role)])) as Record<R, string>;
}

/** The branch itself where it can be a name as it is; otherwise what is left of it, and a hash that tells it apart. */
export function slugOf(branch: string): string {
  if (branch === "") throw new Error("a branch must have a name");
  if (SLUG.test(branch) && branch.length <= SLUG_LENGTH && !HASHED.test(branch)) return branch;
  const hash = createHash("sha256").update(branch).digest("hex").slice(0, HASH_LENGTH);
  const kept = branch
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-/, "")
    .slice(0, SLUG_LENGTH - HASH_LENGTH - 1)
    .replace(/-$/, "");
  return `${kept || "branch"}-${hash}`;
}

export const PRODUCTION: Names = {
  slug: null,
  workers: Object.fromEntries(WORKERS.map(({ role, name }) => [role, name])) as Names["workers"],
  database: "ai-styler",
  bucket: "ai-styler",
  queues: byRole(QUEUE_ROLES, (role) => `ai-styler-${role}`),
  dataset: "ai_styler",
};

/** All previews write to one dataset, for datasets can't be deleted; a point tells which version wrote it. */
export function previewNames(slug: string): Names {
  const roles = WORKERS.map(({ role }) => role);
  return {
    slug,
    workers: byRole(roles, (role) => `${PRODUCTION.workers[role]}-${slug}`),
    database: `${PREVIEW_PREFIX}${slug}`,
    bucket: `${PREVIEW_PREFIX}${slug}`,
    queues: byRole(QUEUE_ROLES, (role) => `${PREVIEW_PREFIX}${slug}-${role}`),
    dataset: "ai_styler_previews",
  };
}

export interface ResourceNames {
  readonly buckets: readonly string[];
  readonly databases: readonly string[];
  readonly queues: readonly string[];
}

/** Slugs of the previews that any of these belongs to. Workers don't count: somebody's own may be called alike. */
export function previewsAmong({ buckets, databases, queues }: ResourceNames): string[] {
  const endings = [...QUEUE_ROLES].sort((a, b) => b.length - a.length).map((role) => `-${role}`);
  const ofQueues = queues.flatMap((name) => {
    const ending = endings.find((it) => name.endsWith(it));
    return ending === undefined ? [] : [name.slice(0, -ending.length)];
  });
  const slugs = [...buckets, ...databases, ...ofQueues]
    .filter((name) => name.startsWith(PREVIEW_PREFIX))
    .map((name) => name.slice(PREVIEW_PREFIX.length))
    .filter((slug) => SLUG.test(slug) && slug.length <= SLUG_LENGTH);
  return [...new Set(slugs)].sort();
}
