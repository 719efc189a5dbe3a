import { sql } from "drizzle-orm";
import { check, index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { USER_ROLES } from "../../../kernel/request-context.ts";

export const plans = sqliteTable("plans", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  /** Units a UTC calendar month; null takes FREE_MONTHLY_CONVERSIONS. */
  monthlyConversions: integer("monthly_conversions"),
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
    status: text("status", { enum: ["active", "pending", "disabled"] }).notNull(),
    planId: text("plan_id")
      .notNull()
      .references(() => plans.id),
    passwordHash: text("password_hash").notNull(),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
  },
  (t) => [check("users_role", sql`${t.role} IN ('user', 'vendor', 'admin')`)],
);

export const otpChallenges = sqliteTable(
  "otp_challenges",
  {
    id: text("id").primaryKey(),
    /** HMAC over purpose, phone, challenge and code: neither the phone nor the code is here to be read. */
    codeMac: text("code_mac").notNull(),
    attempts: integer("attempts").notNull(),
    expiresAt: integer("expires_at").notNull(),
    consumedAt: integer("consumed_at"),
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
  (t) => [index("verification_tokens_expiry").on(t.expiresAt)],
);

/** Append-only. Never a code, token, password or whole phone. */
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
    createdAt: integer("created_at").notNull(),
  },
  (t) => [index("audit_log_user").on(t.userId, t.id)],
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
