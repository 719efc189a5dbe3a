/** Who uses the service: many now and then, a few all the time. */
import type { DatabaseSync } from "node:sqlite";
import { users } from "../../src/db/d1/schema/index.ts";
import type { ConversionInput } from "../../src/modules/conversions/conversion.ts";
import type { AuditTrail, Chain } from "./audit-trail.ts";
import type { Picture } from "./job.ts";
import type { Random } from "./random.ts";
import { inserter } from "./tables.ts";
import type { Tallies } from "./tallies.ts";

/** Pareto's exponent for "a fifth of the users make four fifths of the conversions". */
const SKEW = 1.16;
/** The busiest have as many times what the least busy have. */
const HIGHEST_WEIGHT = 1_000;
/** In the audit log: whoever has the database (`npm run admin`). */
const OPERATOR = "operator";

/** An upload that may be used again. */
export interface Upload {
  readonly id: string;
  readonly expiresAt: number;
}

/** Pictures whose objects exist. */
export interface Pictures {
  readonly person: Picture;
  readonly garment: Picture;
  readonly style: Picture;
  /** What comes of an input; always a JPEG. */
  result(input: ConversionInput): Picture;
}

/** A user whom somebody can sign in as, with so many conversions whatever the others have. */
export interface KnownUser {
  /** In the international writing, as the service keeps it. */
  readonly phone: string;
  readonly name: string;
  readonly passwordHash: string;
  readonly conversions: number;
  readonly pictures: Pictures | null;
}

export interface Person {
  readonly id: string;
  readonly registeredAt: number;
  readonly random: Random;
  readonly pictures: Pictures | null;
  readonly chain: Chain;
  readonly ipPrefix: string;
  session: string;
  sessionSince: number;
  seenAt: number;
  /** Until when what they do last goes on. */
  busyUntil: number;
  readonly uploads: { person: Upload | null; garment: Upload | null; style: Upload | null };
  month: string;
  units: number;
  allowed: number;
  /** What ended without a result and will be tried again. */
  again: { readonly id: string; readonly input: ConversionInput; readonly title: string | null } | null;
}

const FIRST_NAMES = [
  "Sara",
  "Ali",
  "Maryam",
  "Reza",
  "Nima",
  "Leila",
  "Omid",
  "Zahra",
  "Parisa",
  "Kian",
  "مریم",
  "علی",
];
const LAST_NAMES = ["Karimi", "Ahmadi", "Rostami", "Moradi", "Jafari", "Sadeghi", "Kazemi", "Azizi", "رضایی", "احمدی"];
const OPERATORS = ["910", "911", "912", "913", "914", "915", "916", "917", "918", "919", "935", "936", "937"];

/** Registers users. Whoever is no {@link KnownUser} has a hash that no password is known for. */
export class Registry {
  readonly #random: Random;
  readonly #trail: AuditTrail;
  readonly #tallies: Tallies;
  readonly #insert;
  readonly #isTaken;

  constructor(db: DatabaseSync, random: Random, trail: AuditTrail, tallies: Tallies) {
    this.#random = random;
    this.#trail = trail;
    this.#tallies = tallies;
    this.#insert = inserter(db, users);
    this.#isTaken = db.prepare("SELECT 1 FROM users WHERE phone = ?");
  }

  #newPhone(): string {
    for (;;) {
      const phone = `+98${this.#random.pick(OPERATORS)}${String(this.#random.between(0, 9_999_999)).padStart(7, "0")}`;
      if (this.#isTaken.get(phone) === undefined) return phone;
    }
  }

  has(phone: string): boolean {
    return this.#isTaken.get(phone) !== undefined;
  }

  /** As the hasher writes them: Argon2id at the default cost, of nobody knows what. */
  #unknownHash(): string {
    const bytes = (words: number) => Buffer.from(this.#random.hex(words), "hex").toString("base64").replace(/=+$/, "");
    return `$argon2id$v=19$m=19456,t=2,p=1$${bytes(4)}$${bytes(8)}`;
  }

  register(at: number, random: Random, known: KnownUser | null, role: "user" | "vendor" = "user"): Person {
    const id = this.#random.id("usr", at);
    const chosenName = this.#random.chance(0.7)
      ? `${this.#random.pick(FIRST_NAMES)} ${this.#random.pick(LAST_NAMES)}`
      : null;
    const account = {
      id,
      phone: known?.phone ?? this.#newPhone(),
      name: known?.name ?? chosenName,
      passwordHash: known?.passwordHash ?? this.#unknownHash(),
    };
    const status = role === "vendor" ? "pending" : "active";
    const times = { writeId: this.#random.uuid(), createdAt: at, updatedAt: at };
    this.#insert({ ...account, role, status, planId: "free", ...times });
    this.#tallies.count("user_registrations_total", []);
    const person: Person = {
      id,
      registeredAt: at,
      random,
      pictures: known?.pictures ?? null,
      chain: { seq: 0, hash: "" },
      ipPrefix: `${random.between(5, 217)}.${random.between(0, 255)}.${random.between(0, 255)}.0/24`,
      session: random.id("ses", at),
      sessionSince: at,
      seenAt: at,
      busyUntil: at,
      uploads: { person: null, garment: null, style: null },
      month: "",
      units: 0,
      allowed: 0,
      again: null,
    };
    const { session: sessionId, ipPrefix } = person;
    this.#trail.add(person.chain, {
      subjectId: id,
      actorId: id,
      action: "auth.register",
      sessionId,
      ipPrefix,
      detail: null,
      at,
    });
    return person;
  }

  /** Makes somebody an admin as `npm run admin` does. */
  promote(db: DatabaseSync, person: Person, at: number): void {
    db.prepare(
      "UPDATE users SET role = 'admin', session_epoch = session_epoch + 1, write_id = ?, updated_at = ? WHERE id = ?",
    ).run(this.#random.uuid(), at, person.id);
    const deed = { action: "admin.set_role", detail: { role: "admin" }, sessionId: null, ipPrefix: null, at } as const;
    this.#trail.add(person.chain, { ...deed, subjectId: person.id, actorId: OPERATOR });
    person.busyUntil = at;
  }
}

/** Chooses who comes next among those who have registered by then, the busy ones more often. */
export class Crowd {
  readonly #people: readonly Person[];
  /** Of each and all before; they are in order of their registration. */
  readonly #sums: Float64Array;
  readonly #random: Random;
  #registered = 0;

  constructor(random: Random, people: readonly Person[]) {
    this.#random = random;
    this.#people = people;
    this.#sums = new Float64Array(people.length);
    let sum = 0;
    for (let i = 0; i < people.length; i++) {
      sum += Math.min(HIGHEST_WEIGHT, (1 - random.next()) ** (-1 / SKEW));
      this.#sums[i] = sum;
    }
  }

  /** Somebody who has been idle since `idleSince`; null when nobody is. Times never fall. */
  choose(at: number, idleSince: number): Person | null {
    while (
      this.#registered < this.#people.length &&
      (this.#people[this.#registered] as Person).registeredAt < idleSince
    ) {
      this.#registered++;
    }
    const isIdle = (person: Person) => person.busyUntil < idleSince && person.seenAt < at;
    for (let tries = 0; tries < 50 && this.#registered > 0; tries++) {
      const person = this.#people[this.#find(this.#random.next() * (this.#sums[this.#registered - 1] as number))];
      if (person !== undefined && isIdle(person)) return person;
    }
    return this.#people.slice(0, this.#registered).find(isIdle) ?? null;
  }

  /** The first whose sum is above `value`. */
  #find(value: number): number {
    let [low, high] = [0, this.#registered - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sums[middle] as number) > value) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
