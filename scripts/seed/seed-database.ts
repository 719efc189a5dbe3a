/** Fills a database with what the service would have written in 90 days of use. */
import type { DatabaseSync } from "node:sqlite";
import { AuditTrail } from "./audit-trail.ts";
import { Crowd, type KnownUser, type Person, Registry } from "./people.ts";
import { Random } from "./random.ts";
import { Tallies } from "./tallies.ts";
import { timeOfShare } from "./timeline.ts";
import { PREAMBLE_MS, type Rules, Visits } from "./visits.ts";

const DAY_MS = 24 * 60 * 60_000;
const MINUTE_MS = 60_000;
/** Conversions happen in these last days; users registered in twice as many. */
export const SPAN_MS = 90 * DAY_MS;
/** FREE_MONTHLY_CONVERSIONS, for plans that leave it to that. */
const FREE_MONTHLY_UNITS = 10;
/** More than this and people would have to ask while they still wait. */
export const MOST_PER_USER = 3_000;
const BATCH = 5_000;
/** The last of all conversions were asked for just now, so that some are under way and some still wait. */
const RECENT = { most: 12, share: 0.02, withinMs: 9_000 };

export interface Plan {
  /** A whole number below 2³²: the same one gives the same rows at the same `until`. */
  readonly seed: number;
  /** All that are made, an admin and the known ones among them. */
  readonly users: number;
  /** All that are made, those of the known users among them. */
  readonly conversions: number;
  /** Epoch ms: nothing happens after it. */
  readonly until: number;
  /** Those whose phone is taken are left out, and their conversions are others'. */
  readonly known: readonly KnownUser[];
}

export interface Progress {
  readonly users: number;
  readonly conversions: number;
}

function retentionMs(days: unknown): number | null {
  return days === null ? null : Number(days) * DAY_MS;
}

/** What the plan of all users says. */
function rulesOf(db: DatabaseSync, until: number, adminId: string): Rules {
  const plan = db.prepare("SELECT * FROM plans WHERE id = 'free'").get();
  if (plan === undefined) throw new Error("the database has no plan 'free': its migrations are not all applied");
  return {
    until,
    adminId,
    monthlyUnits: plan.monthly_conversions === null ? FREE_MONTHLY_UNITS : Number(plan.monthly_conversions),
    originalRetentionMs: retentionMs(plan.original_retention_days),
    resultRetentionMs: retentionMs(plan.result_retention_days),
  };
}

/** A transaction; what fails in it never happened. */
function atOnce(db: DatabaseSync, work: () => void): void {
  db.exec("BEGIN IMMEDIATE");
  try {
    work();
    db.exec("COMMIT");
  } catch (error) {
    db.exec("ROLLBACK");
    throw error;
  }
}

/** The times of the crowd's conversions, in order; the last few are of the last seconds. */
function* times(random: Random, count: number, until: number): Generator<number> {
  const recent = Math.min(RECENT.most, Math.floor(count * RECENT.share));
  const early = count - recent;
  const end = until - MINUTE_MS;
  for (let i = 0; i < early; i++) yield timeOfShare((i + random.next()) / early, until - SPAN_MS, end);
  for (let i = 0; i < recent; i++) yield until - Math.round(RECENT.withinMs * ((recent - i) / recent) ** 2);
}

/** Each known user's conversions: evenly over the time, and over long before its end. */
function ownTimes(persons: readonly (readonly [Person, number])[], seed: number, until: number) {
  return persons
    .flatMap(([person, count]) => {
      const random = new Random(seed, `times of ${person.registeredAt}`);
      const [from, to] = [until - SPAN_MS, until - 30 * MINUTE_MS];
      const step = (to - from) / count;
      return Array.from({ length: count }, (_, i) => {
        return { person, at: Math.round(from + step * (i + 0.2 + 0.6 * random.next())) };
      });
    })
    .sort((a, b) => a.at - b.at);
}

interface Population {
  readonly admin: Person;
  readonly known: readonly (readonly [Person, number])[];
  readonly crowd: readonly Person[];
}

function register(db: DatabaseSync, plan: Plan, random: Random, registry: Registry): Population {
  const { until, seed } = plan;
  const from = until - 2 * SPAN_MS;
  const absent = plan.known.filter(({ phone }) => !registry.has(phone));
  const admin = registry.register(from, random, null);
  registry.promote(db, admin, from + MINUTE_MS);
  const known = absent.map((user, i): [Person, number] => {
    const own = new Random(seed, `known user ${plan.known.indexOf(user)}`);
    return [registry.register(from + (2 + i) * MINUTE_MS, own, user), user.conversions];
  });
  const others = plan.users - 1 - known.length;
  const crowd: Person[] = [];
  for (let i = 0; i < others; i++) {
    const at = Math.round(from + (5 + 1_000 * random.next()) + ((i + 1) / others) * (2 * SPAN_MS - DAY_MS));
    const isVendor = i > 0 && random.chance(0.01);
    const person = registry.register(at, random, null, isVendor ? "vendor" : "user");
    // A vendor whom nobody has approved yet only looks around.
    if (!isVendor) crowd.push(person);
  }
  return { admin, known, crowd };
}

/** @throws {RangeError} that says what is wrong with a plan. */
export function checkPlan({ users, conversions, known }: Plan): void {
  const least = known.length + 2;
  if (users < least) throw new RangeError(`at least ${least} users: an admin, ${known.length} known, and one more`);
  const ofKnown = known.reduce((sum, user) => sum + user.conversions, 0);
  if (conversions < ofKnown) throw new RangeError(`at least ${ofKnown} conversions, which are the known users'`);
  const most = (users - 1 - known.length) * MOST_PER_USER;
  if (conversions - ofKnown > most) {
    throw new RangeError(`so many conversions take at least ${Math.ceil(conversions / MOST_PER_USER) + least} users`);
  }
}

/**
 * Works through a plan in transactions of a few thousand conversions, each whole in itself: whoever stops between two of
 * them has a smaller database in which everything holds. Yields what is done after each.
 * @throws {RangeError} for a plan that can't be, before anything is written.
 */
export function* seedDatabase(db: DatabaseSync, plan: Plan): Generator<Progress> {
  checkPlan(plan);
  const { seed, until, conversions } = plan;
  const random = new Random(seed, "crowd");
  const tallies = new Tallies(db);
  const trail = new AuditTrail(db, new Random(seed, "salts"));
  const registry = new Registry(db, new Random(seed, "accounts"), trail, tallies);
  let population: Population | undefined;
  atOnce(db, () => {
    population = register(db, plan, random, registry);
    tallies.flush();
  });
  if (population === undefined) return;
  yield { users: plan.users, conversions: 0 };
  const visits = new Visits(db, rulesOf(db, until, population.admin.id), trail, tallies);
  const crowd = new Crowd(random, population.crowd);
  const own = ownTimes(population.known, seed, until);
  let [done, owned] = [0, 0];
  const arrivals = times(random, conversions - own.length, until);
  let next = arrivals.next();
  while (done < conversions) {
    atOnce(db, () => {
      for (let i = 0; i < BATCH && done < conversions; i++, done++) {
        const mine = own[owned];
        if (mine !== undefined && (next.done || mine.at <= next.value)) {
          owned++;
          visits.visit(mine.person, mine.at);
          continue;
        }
        const at = next.value as number;
        const person = crowd.choose(at, at - PREAMBLE_MS);
        if (person === null) throw new Error("everybody was busy at once: plan for more users");
        visits.visit(person, at);
        next = arrivals.next();
      }
      tallies.flush();
    });
    yield { users: plan.users, conversions: done };
  }
}
