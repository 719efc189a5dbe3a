import { sql } from "drizzle-orm";
import { check, index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { USER_ROLES } from "../../../kernel/request-context.ts";
import type { UnverifiedTake } from "../../../modules/auth/repository.ts";

export const plans = sqliteTable("plans", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  /** Units a UTC calendar month; null takes FREE_MONTHLY_CONVERSIONS. */
  monthlyConversions: integer("monthly_conversions"),
  /** How long uploads and results are kept; null for ever. */
  originalRetentionDays: integer("original_retention_days").default(30),
  resultRetentionDays: integer("result_retention_days").default(30),
});

export const users = sqliteTable(
  "users",
  {
    id: text("id").primaryKey(),
    phone: text("phone").notNull().unique(),
    name: text("name"),
    bio: text("bio"),
    locale: text("locale"),
    role: text("role", { enum: USER_ROLES }).notNull(),
    status: text("status", { enum: ["active", "pending", "disabled", "deleted"] }).notNull(),
    /** Raised by every change that ends sessions; a session opened under an earlier one is over. */
    sessionEpoch: integer("session_epoch").notNull().default(0),
    /** The write that made the latest change; later statements of the same batch are conditional on it. */
    writeId: text("write_id"),
    planId: text("plan_id")
      .notNull()
      .references(() => plans.id),
    passwordHash: text("password_hash").notNull(),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
  },
  (t) => [
    check("users_role", sql`${t.role} IN ('user', 'vendor', 'admin')`),
    index("users_role_id").on(t.role, t.id),
    index("users_status_id").on(t.status, t.id),
    // Without it, few vendors who wait would be looked for among all users who wait, or among all vendors.
    index("users_role_status_id").on(t.role, t.status, t.id),
  ],
);

export const otpChallenges = sqliteTable(
  "otp_challenges",
  {
    id: text("id").primaryKey(),
    /** HMAC over purpose, phone, challenge and code: neither the phone nor the code is here to be read. */
    codeMac: text("code_mac").notNull(),
    /** HMAC of phone and purpose: only an attempt for that very phone and purpose costs a try. */
    phoneMac: text("phone_mac").notNull().default(""),
    /** What the send took from the limits of unverified sends, given back once the code is entered. */
    takes: text("takes", { mode: "json" }).$type<readonly UnverifiedTake[]>(),
    attempts: integer("attempts").notNull(),
    expiresAt: integer("expires_at").notNull(),
    consumedAt: integer("consumed_at"),
    /** The write that used the code up; later statements of the same batch are conditional on it. */
    consumedBy: text("consumed_by"),
    createdAt: integer("created_at").notNull(),
  },
  (t) => [index("otp_challenges_expiry").on(t.expiresAt)],
);

export const verificationTokens = sqliteTable(
  "verification_tokens",
  {
    tokenHash: text("token_hash").primaryKey(),
    phone: text("phone").notNull(),
    purpose: text("purpose", { enum: ["register", "login", "password_reset"] }).notNull(),
    expiresAt: integer("expires_at").notNull(),
    /** The write that used the token; later statements of the same batch are conditional on it. */
    consumedBy: text("consumed_by"),
    createdAt: integer("created_at").notNull(),
  },
  (t) => [index("verification_tokens_expiry").on(t.expiresAt), index("verification_tokens_phone").on(t.phone)],
);

/**
 * Append-only (triggers see to it). Never a code, token, password or whole phone. A row comes with the change it tells
 * of; `seq` to `hash` are filled in once when it is linked into its subject's chain. `user_id` is the subject.
 */
export const auditLog = sqliteTable(
  "audit_log",
  {
    id: text("id").primaryKey(),
    userId: text("user_id").notNull(),
    actorId: text("actor_id").notNull(),
    action: text("action").notNull(),
    outcome: text("outcome", { enum: ["success", "failure"] }).notNull(),
    sessionId: text("session_id"),
    ipPrefix: text("ip_prefix"),
    detail: text("detail", { mode: "json" }).$type<Readonly<Record<string, string | number | boolean>>>(),
    createdAt: integer("created_at").notNull(),
    seq: integer("seq"),
    /** Random; with it gone, nobody can tell what `digest` was made of. */
    salt: text("salt"),
    /** SHA-256 over salt, actor, session, address and detail: the chain holds when those are erased. */
    digest: text("digest"),
    hash: text("hash"),
  },
  (t) => [
    // Lists: a subject's, what somebody did (an erasure needs it too), and one action's.
    index("audit_log_user").on(t.userId, t.id),
    index("audit_log_actor").on(t.actorId, t.id),
    index("audit_log_action").on(t.action, t.id),
    // An event is in one of these two at a time: the chains, and what waits for the linker.
    uniqueIndex("audit_log_chain").on(t.userId, t.seq).where(sql`${t.seq} IS NOT NULL`),
    index("audit_log_unlinked").on(t.userId, t.id).where(sql`${t.seq} IS NULL`),
    // Only what is still to be stripped of what tells of a phone's owner.
    index("audit_log_strangers")
      .on(t.createdAt)
      .where(sql`${t.salt} IS NOT NULL AND substr(${t.userId}, 1, 4) = 'phn_'`),
  ],
);

/** One-time codes on their way to a provider. Sealed: without the service's secret a row tells nothing. */
export const smsOutbox = sqliteTable(
  "sms_outbox",
  {
    id: text("id").primaryKey(),
    sealed: text("sealed").notNull(),
    attempts: integer("attempts").notNull(),
    /** Claimed until then by whoever sends it. */
    dueAt: integer("due_at").notNull(),
    expiresAt: integer("expires_at").notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (t) => [index("sms_outbox_due").on(t.dueAt)],
);

/** Units an admin gave a user for one period, on top of the plan. */
export const quotaGrants = sqliteTable(
  "quota_grants",
  {
    id: text("id").primaryKey(),
    userId: text("user_id")
      .notNull()
      .references(() => users.id),
    period: text("period").notNull(),
    units: integer("units").notNull(),
    grantedBy: text("granted_by").notNull(),
    reason: text("reason"),
    createdAt: integer("created_at").notNull(),
  },
  (t) => [
    index("quota_grants_usage").on(t.userId, t.period, t.units),
    // An admin's account is erased from what he granted.
    index("quota_grants_granted_by").on(t.grantedBy),
  ],
);

/** Messages of the development SMS provider; empty everywhere else. */
export const devSms = sqliteTable(
  "dev_sms",
  {
    id: text("id").primaryKey(),
    recipient: text("recipient").notNull(),
    text: text("text").notNull(),
    code: text("code").notNull(),
    sentAt: integer("sent_at").notNull(),
  },
  (t) => [index("dev_sms_recipient").on(t.recipient, t.id)],
);
