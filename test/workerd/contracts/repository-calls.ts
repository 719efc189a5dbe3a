import type { Database } from "../../../src/db/d1/atomic.ts";
import { createD1AccountErasure } from "../../../src/db/d1/repositories/account-erasure.ts";
import { createD1AuditRepository } from "../../../src/db/d1/repositories/audit.ts";
import { createD1BusinessMetrics } from "../../../src/db/d1/repositories/business-metrics.ts";
import { createD1ConversionRepository } from "../../../src/db/d1/repositories/conversions.ts";
import { createD1DeadLetters } from "../../../src/db/d1/repositories/dead-letters.ts";
import { createD1DevSms } from "../../../src/db/d1/repositories/dev-sms.ts";
import { createD1Housekeeping } from "../../../src/db/d1/repositories/housekeeping.ts";
import { createD1ImageRepository } from "../../../src/db/d1/repositories/images.ts";
import { createD1Orphans } from "../../../src/db/d1/repositories/orphans.ts";
import { createD1OtpRepository } from "../../../src/db/d1/repositories/otp.ts";
import { createD1OutboxRepository } from "../../../src/db/d1/repositories/outbox.ts";
import { createD1ProviderCalls } from "../../../src/db/d1/repositories/provider-calls.ts";
import { createD1QuotaRepository } from "../../../src/db/d1/repositories/quota.ts";
import { createD1Retention } from "../../../src/db/d1/repositories/retention.ts";
import { createD1SmsOutbox } from "../../../src/db/d1/repositories/sms-outbox.ts";
import { createD1StageTimings } from "../../../src/db/d1/repositories/stage-timings.ts";
import { createD1UserRepository } from "../../../src/db/d1/repositories/users.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { resultKeys } from "../../../src/modules/conversions/conversion.ts";
import { imageKeys, objectKeys } from "../../../src/modules/images/object-keys.ts";
import { OUTBOX_TOPICS } from "../../../src/ports/outbox.ts";
import { auditEvent } from "../../factories.ts";
import { insertImage, insertUser } from "../support/database.ts";
import { type Calls, conversions, each, event, first, images, NOW, next } from "./conversion-calls.ts";

const change = { effect: "end", keep: null, promiseId: "o", now: NOW, event: auditEvent() } as const;

const users: Calls<ReturnType<typeof createD1UserRepository>> = {
  find: (repository) => repository.find("u"),
  findCredentials: (repository) => repository.findCredentials("+98"),
  findCredentialsOf: (repository) => repository.findCredentialsOf("u"),
  isRegistered: (repository) => repository.isRegistered("+98"),
  async list(repository) {
    for (const page of [first, next("usr")]) {
      await repository.list({}, page);
      await repository.list({ phone: "+98" }, page);
      await repository.list({ role: "vendor" }, page);
      await repository.list({ status: "pending" }, page);
      await repository.list({ role: "vendor", status: "pending" }, page);
    }
  },
  register: (repository) =>
    repository.register(
      {
        ...{ id: newId("usr", NOW), phone: "+98", name: null, bio: null, locale: null, role: "user" },
        ...{ status: "active", sessionEpoch: 0, createdAt: NOW, passwordHash: "" },
      },
      "t",
      event(),
    ),
  updateProfile: (repository) =>
    repository.updateProfile("u", { name: "n" }, event(), {
      ...{ id: "u", phone: "+98", name: null, bio: null, locale: null, role: "user", status: "active" },
      ...{ sessionEpoch: 0, createdAt: NOW, updatedAt: NOW },
    }),
  replacePasswordHash: (repository) => repository.replacePasswordHash("u", "a", "b"),
  changeAccount: (repository) =>
    repository.changeAccount({
      ...change,
      ...{ userId: "u", set: { role: "vendor" }, expect: { status: ["active"], adminId: "a", passwordHash: "" } },
    }),
  resetPassword: (repository) => repository.resetPassword("t", { ...change, passwordHash: "" }),
  promiseSessionEnd: (repository) =>
    repository.promiseSessionEnd({ id: newId("obx", NOW), userId: "u", sessionId: "s", event: event(), now: NOW }),
  deleteAccount: (repository) =>
    repository.deleteAccount({
      ...{ userId: "u", event: event(), aliases: [], now: NOW },
      ...{ sessionsPromiseId: "s", erasePromiseId: "e" },
    }),
};

const chains = [{ subjectId: "u", head: null, events: [] }];

const audit: Calls<ReturnType<typeof createD1AuditRepository>> = {
  record: (repository) => repository.record(event()),
  async list(repository) {
    for (const page of [first, next("aud")]) {
      for (const filter of [
        {},
        { subjectId: "u" },
        { actorId: "u" },
        { action: "auth.login", outcome: "failure" },
      ] as const) {
        await repository.list(filter, page);
        await repository.list({ ...filter, from: 1, to: NOW }, page);
      }
    }
  },
  listWaiting: (repository) => repository.listWaiting(10),
  tails: (repository) => repository.tails(["u"], 10),
  link: (repository) => repository.link(chains),
  stripStrangers: (repository) => repository.stripStrangers(NOW, 10),
};

const erasure: Calls<ReturnType<typeof createD1AccountErasure>> = {
  deletedAt: (repository) => repository.deletedAt("u"),
  next: (repository) => repository.next("u", 10),
  eraseRows: (repository) => repository.eraseRows("u", { conversionIds: ["c"], imageIds: ["i"], objectKeys: [] }),
  anonymizeAudit: (repository) =>
    repository.anonymizeAudit("u", { promiseId: "o", pseudonym: "anon_x", aliases: ["phn_x"], until: NOW }, 500),
  eraseAccount: (repository) => repository.eraseAccount("u"),
};

const costs = { expectedMicros: 1, budgetMicros: 0 };
const call = {
  id: "p",
  conversionId: "c",
  attempt: 1,
  provider: "gemini",
  model: "m",
  startedAt: NOW,
  ...costs,
} as const;

const calls: Calls<ReturnType<typeof createD1ProviderCalls>> = {
  begin: (repository) => repository.begin(call),
  settle: (repository) => repository.settle("p", { outcome: "success", usage: null, free: false, endedAt: NOW }),
  listPending: (repository) => repository.listPending(NOW, 10),
  ofConversion: (repository) => repository.ofConversion("c"),
  spend: (repository) => repository.spend({ fromDay: "2026-01-01", toDay: "2026-02-01" }, 10),
};

const deadLetters: Calls<ReturnType<typeof createD1DeadLetters>> = {
  record: (repository) =>
    repository.record({
      ...{ id: newId("dlt", NOW), queue: "q", messageId: "m", conversionId: null, body: "{}", attempts: 1 },
      ...{ outcome: "unreadable", receivedAt: NOW },
    }),
  list: (repository) =>
    each(
      () => repository.list(first),
      () => repository.list(next("dlt")),
    ),
  find: (repository) => repository.find("l"),
};

const outbox: Calls<ReturnType<typeof createD1OutboxRepository>> = {
  promiseDeletion: (repository) =>
    repository.promiseDeletion({ id: newId("obx", NOW), keys: [], dueAt: NOW, now: NOW }),
  find: (repository) => repository.find("o"),
  listDue: (repository) => repository.listDue(OUTBOX_TOPICS, NOW, 10),
  settle: (repository) => repository.settle("o"),
  settleSoon: (repository) => repository.settleSoon("o"),
  postpone: (repository) => repository.postpone("o", NOW),
};

const grant = { id: newId("grt", NOW), period: "2026-11", units: 1, reason: null, createdAt: NOW };
const keys = [
  ...objectKeys(imageKeys(newId("usr", 1), newId("img", 1))),
  ...Object.values(resultKeys(newId("cnv", 1))),
];
const attempt = { challengeId: "c", phoneMacs: ["m"], codeMacs: ["m"] };
const token = { tokenHash: "t", phone: "+98", purpose: "login", createdAt: NOW, expiresAt: NOW } as const;

/** A repository's methods, ready to be called. */
function methodsOf<R extends object>(make: (db: Database) => R, calls: Calls<R>) {
  return Object.entries(calls).map(([method, run]) => {
    const work = run as (repository: R) => Promise<unknown>;
    return { method, run: (db: Database) => work(make(db)) };
  });
}

/** All methods of all repositories, with calls that send each of their statements. */
export const REPOSITORY_CALLS = Object.entries({
  conversions: methodsOf(createD1ConversionRepository, conversions),
  images: methodsOf(createD1ImageRepository, images),
  users: methodsOf(createD1UserRepository, users),
  audit: methodsOf(createD1AuditRepository, audit),
  erasure: methodsOf(createD1AccountErasure, erasure),
  calls: methodsOf(createD1ProviderCalls, calls),
  deadLetters: methodsOf(createD1DeadLetters, deadLetters),
  outbox: methodsOf(createD1OutboxRepository, outbox),
  quota: methodsOf(createD1QuotaRepository, {
    usage: (repository) => repository.usage("u", "2026-11"),
    grant: (repository) => repository.grant({ ...grant, userId: "u", adminId: "a", event: event() }),
  }),
  retention: methodsOf(createD1Retention, {
    async removeExpired(repository) {
      await insertImage(await insertUser(), { expiresAt: 1 });
      await repository.removeExpired({ now: NOW, limit: 10, postponeTo: NOW, outboxId: newId("obx", NOW) });
    },
  }),
  orphans: methodsOf(createD1Orphans, {
    cursor: (repository) => repository.cursor("n"),
    keepCursor: (repository) => repository.keepCursor("n", null, NOW),
    judge: (repository) => repository.judge(keys),
  }),
  otp: methodsOf(createD1OtpRepository, {
    createChallenge: (repository) =>
      repository.createChallenge(
        { id: newId("chl", NOW), codeMac: "m", phoneMac: "m", takes: [], createdAt: NOW, expiresAt: NOW },
        { id: newId("sms", NOW), sealed: "s", dueAt: NOW, createdAt: NOW, expiresAt: NOW },
        event(),
      ),
    consumeCode: (repository) => repository.consumeCode(attempt, token, { now: NOW, maxAttempts: 5, event: event() }),
    peekVerificationToken: (repository) => repository.peekVerificationToken("t", "login", NOW),
    consumeVerificationToken: (repository) =>
      repository.consumeVerificationToken("t", "login", { now: NOW, event: event() }),
  }),
  smsOutbox: methodsOf(createD1SmsOutbox, {
    claim: (repository) => repository.claim("s", { now: NOW, until: NOW }),
    postpone: (repository) => repository.postpone("s", NOW),
    remove: (repository) => repository.remove("s"),
    listDue: (repository) => repository.listDue(NOW, 10),
  }),
  timings: methodsOf(createD1StageTimings, { find: (repository) => repository.find("style", "local") }),
  housekeeping: methodsOf(createD1Housekeeping, { deleteExpired: (repository) => repository.deleteExpired(NOW) }),
  business: methodsOf(createD1BusinessMetrics, {
    read: (repository) => repository.read(NOW),
    latestMigration: (repository) => repository.latestMigration(),
  }),
  devSms: methodsOf((db) => createD1DevSms(db, { now: () => NOW }), {
    sendOtp: (repository) =>
      repository.sendOtp({ to: "+98", code: "000000", ttlMs: 1 }, { signal: new AbortController().signal }),
    list: (repository) =>
      each(
        () => repository.list("+98"),
        () => repository.list(null),
      ),
  }),
}).flatMap(([repository, methods]) => methods.map(({ method, run }) => ({ name: `${repository}.${method}`, run })));
