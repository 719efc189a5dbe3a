import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PRODUCTION, previewNames, previewsAmong, QUEUE_ROLES, slugOf } from "./names.ts";

const branch = fc.oneof(
  fc.string({ minLength: 1, maxLength: 80 }),
  fc.string({ minLength: 1, maxLength: 80, unit: "grapheme" }),
  fc.stringMatching(/^[a-z0-9-]{1,80}$/),
  fc.stringMatching(/^(feature|fix)\/[A-Za-z0-9_.-]{1,60}$/),
  // Names that look like what others are turned into.
  fc.stringMatching(/^[a-z]{1,8}-[0-9a-f]{10}$/),
  fc.string({ minLength: 1, maxLength: 80 }).map(slugOf),
);

const allNames = (slug: string) => {
  const { workers, database, bucket, queues } = previewNames(slug);
  return { workers: Object.values(workers), database, bucket, queues: Object.values(queues) };
};

describe("the slug of a branch", () => {
  it("is the branch itself where that can be a name", () => {
    for (const name of ["feature-x", "a", "2", "x1-y2-z3", "a".repeat(28)]) expect(slugOf(name)).toBe(name);
  });

  it.each([
    ["feature/x", /^feature-x-[0-9a-f]{10}$/],
    ["Feature-X", /^feature-x-[0-9a-f]{10}$/],
    ["-x-", /^x-[0-9a-f]{10}$/],
    ["a--b", /^a-b-[0-9a-f]{10}$/],
    ["شاخه", /^branch-[0-9a-f]{10}$/],
    ["a".repeat(29), /^a{17}-[0-9a-f]{10}$/],
    [`${"a".repeat(16)}-${"b".repeat(20)}`, /^a{16}-[0-9a-f]{10}$/],
    ["x-0123456789", /^x-0123456789-[0-9a-f]{10}$/],
  ])("of %s has a hash beside what is left of it", (name, shape) => {
    expect(slugOf(name)).toMatch(shape);
  });

  it("differs for any two branches", () => {
    fc.assert(
      fc.property(fc.uniqueArray(branch, { minLength: 2, maxLength: 30 }), (branches) => {
        expect(new Set(branches.map(slugOf)).size).toBe(branches.length);
      }),
      { numRuns: 500 },
    );
  });

  it("is refused for a branch without a name", () => {
    expect(() => slugOf("")).toThrow("must have a name");
  });
});

describe("the names of a preview", () => {
  it("are within Cloudflare's limits for any branch", () => {
    fc.assert(
      fc.property(branch, (name) => {
        const { workers, database, bucket, queues } = allNames(slugOf(name));
        for (const label of [...workers, bucket, ...queues]) {
          expect(label).toMatch(/^[a-z0-9]([a-z0-9-]{1,61})[a-z0-9]$/);
        }
        expect(database.length).toBeLessThanOrEqual(64);
      }),
    );
  });

  it("are nobody else's: not another preview's, and not production's", () => {
    const production = { ...PRODUCTION, workers: Object.values(PRODUCTION.workers) };
    fc.assert(
      fc.property(fc.uniqueArray(branch, { minLength: 2, maxLength: 10 }), (branches) => {
        const previews = branches.map((name) => allNames(slugOf(name)));
        const workers = [...previews.flatMap((it) => it.workers), ...production.workers];
        const queues = [...previews.flatMap((it) => it.queues), ...Object.values(production.queues)];
        const others = [...previews.map((it) => it.bucket), production.bucket];
        for (const names of [workers, queues, others]) expect(new Set(names).size).toBe(names.length);
      }),
    );
  });

  it("keep the queues of branches apart that end like a queue", () => {
    const queues = ["x", "x-conversions", "dead-x", "conversions-dead", "conversions", "sms"].flatMap(
      (name) => allNames(name).queues,
    );
    expect(new Set(queues).size).toBe(queues.length);
  });
});

describe("the previews among what an account has", () => {
  const nothing = { buckets: [], databases: [], queues: [] };

  it("are found by any one resource that is left", () => {
    fc.assert(
      fc.property(branch, fc.constantFrom("bucket", "database", ...QUEUE_ROLES), (name, left) => {
        const slug = slugOf(name);
        const { bucket, database, queues } = previewNames(slug);
        const found = previewsAmong({
          buckets: left === "bucket" ? [bucket] : [],
          databases: left === "database" ? [database] : [],
          queues: left === "bucket" || left === "database" ? [] : [queues[left]],
        });
        expect(found).toEqual([slug]);
      }),
    );
  });

  it("are none where there is only production and what others have", () => {
    const { bucket, database, queues } = PRODUCTION;
    const buckets = [
      bucket,
      "ai-styler-backups",
      "ai-styler-preview-",
      "ai-styler-preview--x",
      "my-ai-styler-preview-x",
    ];
    const names = {
      buckets,
      databases: [database, "other"],
      queues: [...Object.values(queues), "ai-styler-preview-x"],
    };
    expect(previewsAmong(names)).toEqual([]);
    expect(previewsAmong(nothing)).toEqual([]);
  });
});
