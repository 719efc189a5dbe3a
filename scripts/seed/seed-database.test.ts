import { createHash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { beforeAll, describe, expect, it } from "vitest";
import { createChainVerifier, readDetail } from "../../src/modules/audit/chain.ts";
import { migrated, queryOf } from "./for-tests.ts";
import { checkInvariants } from "./invariants.ts";
import type { KnownUser } from "./people.ts";
import { beginQuickLoad } from "./quick-load.ts";
import { checkPlan, MOST_PER_USER, type Plan, seedDatabase } from "./seed-database.ts";

const UNTIL = Date.UTC(2026, 10, 30, 12);
const KNOWN: KnownUser = { phone: "+989121234567", name: "Known", passwordHash: "x", conversions: 70, pictures: null };
const PLAN: Plan = { seed: 1, users: 60, conversions: 3_000, until: UNTIL, known: [KNOWN] };

function fill(db: DatabaseSync, change: Partial<Plan> = {}, indexes = true): DatabaseSync {
  const { restore } = beginQuickLoad(db, { indexes });
  for (const _ of seedDatabase(db, { ...PLAN, ...change }));
  for (const step of restore) step();
  return db;
}

const seeded = (change: Partial<Plan> = {}) => fill(migrated(), change);
const TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";

/** All rows of all tables, in no table's own order. */
function fingerprint(db: DatabaseSync): string {
  const hash = createHash("sha256");
  for (const { name } of db.prepare(TABLES).all()) {
    const rows = db.prepare(`SELECT * FROM "${name}"`).all();
    hash.update(
      `${name}\n${rows
        .map((row) => JSON.stringify(row))
        .sort()
        .join("\n")}`,
    );
  }
  return hash.digest("hex");
}

function expectSound(db: DatabaseSync, until = UNTIL): void {
  const broken = checkInvariants(queryOf(db), until).filter(({ problems }) => problems.length > 0);
  expect(broken).toEqual([]);
}

const count = (db: DatabaseSync, from: string) => Number(db.prepare(`SELECT count(*) AS n FROM ${from}`).get()?.n);

describe("a seeded database", () => {
  let db: DatabaseSync;
  beforeAll(() => {
    db = seeded();
  });

  it("is one that the service could have written", () => expectSound(db));

  it("has exactly what was asked for", () => {
    expect(count(db, "conversions")).toBe(PLAN.conversions);
    expect(count(db, "users")).toBe(PLAN.users);
    const own = "conversions WHERE user_id = (SELECT id FROM users WHERE phone = '+989121234567')";
    expect(count(db, own)).toBe(KNOWN.conversions);
  });

  it("has every status, kind, provider and reason, each in its share", () => {
    const shareOf = (condition: string) => count(db, `conversions WHERE ${condition}`) / PLAN.conversions;
    expect(shareOf("status = 'succeeded'")).toBeGreaterThan(0.8);
    for (const status of ["failed", "canceled"]) expect(shareOf(`status = '${status}'`)).toBeGreaterThan(0.02);
    for (const status of ["queued", "processing", "expired"])
      expect(shareOf(`status = '${status}'`)).toBeGreaterThan(0);
    for (const kind of ["style", "tryon"]) expect(shareOf(`kind = '${kind}'`)).toBeGreaterThan(0.3);
    for (const provider of ["gemini", "workers-ai", "local"]) {
      expect(shareOf(`provider_used = '${provider}'`)).toBeGreaterThan(0.01);
    }
    expect(count(db, "(SELECT DISTINCT error_code FROM conversions WHERE error_code IS NOT NULL)")).toBeGreaterThan(5);
    for (const some of ["title IS NOT NULL", "favorite", "metadata <> '{}'", "data_removed", "retry_of IS NOT NULL"]) {
      expect(shareOf(some), some).toBeGreaterThan(0.005);
    }
  });

  it("has users who do most of it and users who do little", () => {
    const rows = db.prepare("SELECT count(*) AS n FROM conversions GROUP BY user_id ORDER BY n DESC").all();
    const counts = rows.map(({ n }) => Number(n));
    expect(counts[0]).toBeGreaterThan(8 * (counts[Math.floor(counts.length / 2)] ?? 0));
  });

  it("spans 90 days, up to now", () => {
    const row = db.prepare("SELECT min(created_at) AS first, max(created_at) AS last FROM conversions").get();
    expect((UNTIL - Number(row?.first)) / 86_400_000).toBeCloseTo(90, 0);
    expect(UNTIL - Number(row?.last)).toBeLessThan(10_000);
  });

  it("has audit chains that verify with the service's own verifier", async () => {
    const byUser = Map.groupBy(db.prepare("SELECT * FROM audit_log ORDER BY seq").all(), ({ user_id }) => user_id);
    expect(byUser.size).toBe(PLAN.users);
    for (const events of byUser.values()) {
      const verifier = createChainVerifier();
      for (const event of events) {
        const { id, user_id, actor_id, session_id, ip_prefix, created_at, ...rest } = event as Record<string, never>;
        const names = { subjectId: user_id, actorId: actor_id, sessionId: session_id, ipPrefix: ip_prefix };
        await verifier.add({
          ...rest,
          ...names,
          id,
          createdAt: created_at,
          detail: readDetail(event.detail as string),
        } as never);
      }
      expect(verifier.report()).toMatchObject({ events: events.length, problems: [] });
    }
  });
});

describe("the same seed", () => {
  it("gives the same rows", () => {
    const small = { conversions: 400 };
    expect(fingerprint(seeded(small))).toBe(fingerprint(seeded(small)));
    expect(fingerprint(seeded({ ...small, seed: 2 }))).not.toBe(fingerprint(seeded(small)));
  });

  it("gives them whether indexes are kept or built at the end, and leaves the schema as it was", () => {
    const schema = (db: DatabaseSync) =>
      db.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").all();
    const kept = fill(migrated(), { conversions: 400 }, false);
    const built = fill(migrated(), { conversions: 400 }, true);
    expect(fingerprint(kept)).toBe(fingerprint(built));
    expect(schema(kept)).toEqual(schema(migrated()));
    expect(schema(built)).toEqual(schema(migrated()));
  });

  it("gives a known user the same conversions, however many others have", () => {
    const own = "SELECT id, kind, status, title, created_at FROM conversions JOIN users USING (id) WHERE phone = ?";
    const sql = own.replace("JOIN users USING (id)", "JOIN (SELECT id AS u, phone FROM users) ON u = user_id");
    const [few, many] = [{ conversions: 100 }, { conversions: 900, users: 100 }].map((change) =>
      seeded(change).prepare(sql).all(KNOWN.phone),
    );
    expect(few).toHaveLength(KNOWN.conversions);
    expect(many).toEqual(few);
  });
});

it("a second run adds to what is there, and everything holds still", () => {
  const db = seeded({ conversions: 500 });
  const later = UNTIL + 3_600_000;
  fill(db, { conversions: 700, seed: 2, until: later });
  expect(count(db, "conversions")).toBe(1_200);
  expect(count(db, `users WHERE phone = '${KNOWN.phone}'`)).toBe(1);
  const names = checkInvariants(queryOf(db), later).filter(({ problems }) => problems.length > 0);
  // An hour has passed without a sweep; nothing else may have suffered.
  expect(names.map(({ name }) => name).filter((name) => !name.startsWith("retention and sweeps"))).toEqual([]);
});

it("a run that was there already changes nothing", () => {
  const db = seeded({ conversions: 100, known: [] });
  const before = fingerprint(db);
  expect(() => fill(db, { conversions: 100, known: [] }, false)).toThrow(/UNIQUE/);
  expect(fingerprint(db)).toBe(before);
});

it.each([
  ["too few users for the known ones", { users: 2 }, /at least 3 users/],
  ["fewer conversions than the known users'", { conversions: 69 }, /at least 70 conversions/],
  ["more conversions than so few users can wait for", { users: 3, conversions: MOST_PER_USER + 71 }, /take at least/],
])("refuses %s", (_what, change, message) => {
  expect(() => checkPlan({ ...PLAN, ...change })).toThrow(message);
});

it("finds what a wrong database has wrong", () => {
  const db = seeded({ conversions: 300 });
  db.exec(`UPDATE quota_ledger SET state = 'released' WHERE conversion_id = (SELECT min(id) FROM conversions WHERE status = 'succeeded');
    UPDATE conversions SET version = version + 1 WHERE id = (SELECT max(id) FROM conversions);
    UPDATE provider_spend SET cost_micros = cost_micros + 1 WHERE day = (SELECT max(day) FROM provider_spend)`);
  const broken = checkInvariants(queryOf(db), UNTIL).filter(({ problems }) => problems.length > 0);
  expect(broken.map(({ name }) => name)).toEqual([
    "every write that has an event has exactly that one",
    "one ledger entry each, settled as its conversion ended",
    "counters are what the tables hold",
    "the providers' days are the sums of their calls",
  ]);
});
