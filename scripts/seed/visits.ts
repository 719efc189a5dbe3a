/** One person comes by: signs in where needed, uploads, asks for a picture, and does something with it or not. */
import type { DatabaseSync } from "node:sqlite";
import {
  conversionEvents,
  conversions,
  images,
  outbox,
  providerCalls,
  quotaGrants,
  quotaLedger,
} from "../../src/db/d1/schema/index.ts";
import type { AuditAction, AuditDetail } from "../../src/kernel/audit.ts";
import { monthOf } from "../../src/kernel/clock.ts";
import { type ConversionInput, conversionKeys, RETRYABLE } from "../../src/modules/conversions/conversion.ts";
import { imageKeys } from "../../src/modules/images/object-keys.ts";
import type { AuditTrail } from "./audit-trail.ts";
import { type ImageRow, Job, type Picture } from "./job.ts";
import type { Person, Upload } from "./people.ts";
import { live } from "./story.ts";
import { inserter } from "./tables.ts";
import type { Tallies } from "./tallies.ts";
import { newKind, newMetadata, newPicture, newTitle, newWish } from "./wishes.ts";

/** What somebody does before asking takes so long, and nobody begins it while busy with the conversion before. */
export const PREAMBLE_MS = 60_000;
const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
/** Whoever comes back later than that asks for something else. Pictures that are used last a day longer at the least. */
const RETRIED_WITHIN_MS = 10 * HOUR_MS;
/** SESSION_TIMEOUT and SESSION_ABSOLUTE_TIMEOUT. */
const SESSION_IDLE_MS = DAY_MS;
const SESSION_MS = 30 * DAY_MS;
/** Sweeps come each minute. */
const SWEEP_MS = 65_000;
/** As in src/db/d1/repositories/conversion-batch.ts. */
const LATE_RESULT_MS = 10 * 60_000;
/** Units an admin gives at a time, the more the more are used. */
const GRANTS = [50, 200, 1_000, 5_000] as const;

export interface Rules {
  readonly until: number;
  readonly monthlyUnits: number;
  /** Null for ever. */
  readonly originalRetentionMs: number | null;
  readonly resultRetentionMs: number | null;
  readonly adminId: string;
}

export class Visits {
  readonly #rules: Rules;
  readonly #trail: AuditTrail;
  readonly #tallies: Tallies;
  readonly #into;

  constructor(db: DatabaseSync, rules: Rules, trail: AuditTrail, tallies: Tallies) {
    this.#rules = rules;
    this.#trail = trail;
    this.#tallies = tallies;
    this.#into = {
      images: inserter(db, images),
      conversions: inserter(db, conversions),
      events: inserter(db, conversionEvents),
      ledger: inserter(db, quotaLedger),
      calls: inserter(db, providerCalls),
      grants: inserter(db, quotaGrants),
      outbox: inserter(db, outbox),
    };
  }

  /** Asks for a conversion at `at`, a minute after coming. */
  visit(person: Person, at: number): void {
    this.#signIn(person, at - 50_000);
    this.#takeUnit(person, at);
    const again = this.#again(person, at);
    const input = again?.input ?? this.#newInput(person, at);
    const retryOf = again?.id ?? null;
    const { random } = person;
    const about = { title: again ? again.title : newTitle(random), metadata: again ? {} : newMetadata(random) };
    const job = new Job(random, this.#rules.until, { userId: person.id, input, ...about, retryOf, createdAt: at });
    this.#deed(person, retryOf === null ? "conversion.create" : "conversion.retry", at, { conversion: job.id });
    live(random, this.#world(person), job, input);
    this.#afterwards(person, job, input);
    this.#store(person, job);
  }

  #deed(person: Person, action: AuditAction, at: number, detail: AuditDetail): void {
    const { id, session: sessionId, ipPrefix, chain } = person;
    this.#trail.add(chain, { subjectId: id, actorId: id, action, sessionId, ipPrefix, detail, at });
    person.seenAt = at;
  }

  #signIn(person: Person, at: number): void {
    if (at - person.seenAt < SESSION_IDLE_MS && at - person.sessionSince < SESSION_MS) return;
    person.session = person.random.id("ses", at);
    person.sessionSince = at;
    this.#deed(person, "auth.login", at, { by: "password" });
  }

  /** A unit of the month; an admin grants more to those who have none left. A released one is given back. */
  #takeUnit(person: Person, at: number): void {
    const period = monthOf(at);
    if (person.month !== period) Object.assign(person, { month: period, units: 0, allowed: this.#rules.monthlyUnits });
    person.units += 1;
    if (person.units <= person.allowed) return;
    const units = GRANTS.find((step) => step > person.allowed) ?? GRANTS[GRANTS.length - 1] ?? 1;
    person.allowed += units;
    const createdAt = at - 40_000;
    const id = person.random.id("grt", createdAt);
    // A grant is of the month that it is made in.
    const granted = monthOf(createdAt) === period ? createdAt : at;
    const { adminId } = this.#rules;
    const row = {
      id,
      userId: person.id,
      period,
      units,
      grantedBy: adminId,
      reason: "asked for more",
      createdAt: granted,
    };
    this.#into.grants(row);
    const deed = { actorId: adminId, action: "admin.grant_quota", sessionId: null, ipPrefix: null } as const;
    this.#trail.add(person.chain, { ...deed, subjectId: person.id, detail: { grant: id, period, units }, at: granted });
  }

  /** What failed before, if its pictures are surely still there. */
  #again(person: Person, at: number): Person["again"] {
    const { again } = person;
    person.again = null;
    return again !== null && at - person.busyUntil < RETRIED_WITHIN_MS ? again : null;
  }

  #newInput(person: Person, at: number): ConversionInput {
    const { random, pictures } = person;
    const wish = newWish(random, newKind(random), pictures === null ? null : "image/jpeg");
    const ofPicture = wish.kind === "style" && wish.stylePreset === null;
    return {
      ...wish,
      personImageId: this.#upload(person, "person", at - 30_000, 0.15),
      garmentImageId: wish.kind === "tryon" ? this.#upload(person, "garment", at - 20_000, 0.5) : null,
      styleImageId: ofPicture ? this.#upload(person, "style", at - 10_000, 0.4) : null,
    };
  }

  /** The one they have, or a new one where that is too old or they have another. */
  #upload(person: Person, kind: keyof Person["uploads"], at: number, chanceOfNew: number): string {
    const present = person.uploads[kind];
    if (present !== null && present.expiresAt > at + DAY_MS && !person.random.chance(chanceOfNew)) return present.id;
    const id = person.random.id("img", at);
    const { originalRetentionMs: keptMs, until } = this.#rules;
    const expiresAt = keptMs === null ? null : at + keptMs;
    const sweptAt = expiresAt === null ? Number.POSITIVE_INFINITY : expiresAt + person.random.between(0, SWEEP_MS);
    const picture = person.pictures?.[kind] ?? newPicture(person.random, "photo", "image/jpeg");
    const row: ImageRow = { id, userId: person.id, kind, ...picture, ...imageKeys(person.id, id), createdAt: at };
    this.#into.images({ ...row, expiresAt, deletedAt: sweptAt <= until ? sweptAt : null });
    this.#deed(person, "image.upload", at, { image: id });
    const upload: Upload = { id, expiresAt: expiresAt ?? Number.POSITIVE_INFINITY };
    person.uploads[kind] = upload;
    return id;
  }

  #world({ random, pictures }: Person) {
    return {
      usual: this.#tallies.usual.bind(this.#tallies),
      picture: (input: ConversionInput): Picture =>
        pictures?.result(input) ?? newPicture(random, "result", input.outputMime),
      retentionMs: this.#rules.resultRetentionMs,
    };
  }

  /** What the owner does about it, and what becomes of the result in time. */
  #afterwards(person: Person, job: Job, input: ConversionInput): void {
    const { random } = person;
    const endedAt = job.row.completedAt ?? this.#rules.until;
    person.busyUntil = endedAt;
    if (job.end !== null && job.end !== "succeeded") person.units -= 1;
    if (job.end === "canceled") this.#deed(person, "conversion.cancel", endedAt, { conversion: job.id });
    if (job.end !== null && RETRYABLE.has(job.end) && random.chance(0.35)) {
      person.again = { id: job.id, input, title: job.row.title ?? null };
    }
    if (job.end !== "succeeded") return;
    const at = endedAt + random.about(90_000, 2);
    const does = random.weighted([
      [91, "nothing"],
      [6, "favor"],
      [3, "remove"],
    ] as const);
    if (does !== "nothing" && job[does](at)) {
      person.busyUntil = at;
      this.#deed(person, does === "favor" ? "conversion.update" : "conversion.delete", at, { conversion: job.id });
    }
    const { expiresAt } = job.result ?? {};
    if (typeof expiresAt === "number") job.retire(expiresAt + random.between(0, SWEEP_MS));
  }

  #store(person: Person, job: Job): void {
    if (job.result !== null) this.#into.images(job.result);
    this.#into.conversions(job.row);
    for (const event of job.events) this.#into.events(event);
    this.#into.ledger(job.ledger);
    for (const call of job.calls) this.#into.calls(call);
    this.#tallies.job(job);
    const endedAt = job.row.completedAt ?? 0;
    if (job.end === null || job.end === "succeeded" || endedAt + LATE_RESULT_MS <= this.#rules.until) return;
    // What a worker may still store is deleted then.
    const promise = { id: person.random.id("obx", endedAt), topic: "objects.delete", createdAt: endedAt } as const;
    this.#into.outbox({ ...promise, payload: { keys: conversionKeys(job.id) }, dueAt: endedAt + LATE_RESULT_MS });
  }
}
