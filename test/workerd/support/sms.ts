import { createExecutionContext } from "cloudflare:test";
import { eq } from "drizzle-orm";
import { vi } from "vitest";
import { createApiServices } from "../../../src/composition/services.ts";
import { smsOutbox } from "../../../src/db/d1/schema/index.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { createLogger } from "../../../src/kernel/logger.ts";
import type { sweepIdentity } from "../../../src/modules/auth/jobs.ts";
import { type PendingSms, sealSms } from "../../../src/modules/auth/sealed-sms.ts";
import { type OtpMessage, SmsError, type SmsFailure, type SmsSender } from "../../../src/ports/sms-sender.ts";
import { bindings, db } from "./database.ts";

export const SMS_KEY = "sms-key-that-nobody-may-read";

/** Variables of a real provider; whatever is asked of it is answered by the test. */
export const SMSIR = { SMS_PROVIDER: "smsir", SMS_API_KEY: SMS_KEY };
export const TWILIO = { SMS_PROVIDER: "twilio", SMS_API_KEY: `AC${"0".repeat(32)}:${SMS_KEY}:+15005550006` };

/** A queue that keeps what is sent to it. */
export function fakeSmsQueue() {
  const sent: unknown[] = [];
  return {
    sent,
    async send(message: unknown) {
      sent.push(message);
    },
  };
}

/** How a scripted sender answers: with success, with a class of failure, or with an error of the test's own. */
export type Scripted = "sent" | SmsFailure | Error;

export interface ScriptedSender extends SmsSender {
  readonly calls: OtpMessage[];
}

/** A sender that answers in turn as told, and with success from then on. */
export function scriptedSender(...answers: readonly Scripted[]): ScriptedSender {
  const calls: OtpMessage[] = [];
  const left = [...answers];
  return {
    calls,
    async sendOtp(message) {
      calls.push(message);
      // Long enough for everybody else who wants to send it, too.
      await scheduler.wait(5);
      const answer = left.shift() ?? "sent";
      if (answer instanceof Error) throw answer;
      if (answer !== "sent") throw new SmsError(answer, "test: HTTP 500, no code");
    },
  };
}

export interface SmsStage {
  readonly deps: Parameters<typeof sweepIdentity>[0];
  readonly lines: string[];
  /** Moves the clock. */
  advance(ms: number): void;
  now(): number;
  /** A message in the outbox, due now. @returns its id. */
  add(message: PendingSms, options?: { ttlMs?: number; jwtSecret?: string }): Promise<string>;
  row(id: string): Promise<typeof smsOutbox.$inferSelect | undefined>;
}

/** Delivery over the real database, with clock, log and provider in the test's hands. */
export function smsStage(sms: SmsSender): SmsStage {
  const services = createApiServices({ ...bindings, ...SMSIR }, createExecutionContext());
  const lines: string[] = [];
  let offsetMs = 0;
  const now = () => Date.now() + offsetMs;
  const logger = createLogger({ level: "debug", format: "json" }, {}, (line) => lines.push(line));
  return {
    deps: { ...services, sms, clock: { now }, logger },
    lines,
    now,
    advance(ms) {
      offsetMs += ms;
    },
    async add(message, { ttlMs = 300_000, jwtSecret } = {}) {
      const { keyring } = jwtSecret
        ? createApiServices(Object.assign({}, bindings, { JWT_SECRET: jwtSecret }), createExecutionContext())
        : services;
      const id = newId("sms", now());
      const sealed = await sealSms(keyring, message);
      const times = { dueAt: now(), expiresAt: now() + ttlMs, createdAt: now() };
      await db.insert(smsOutbox).values({ id, sealed, attempts: 0, ...times });
      return id;
    },
    async row(id) {
      const [row] = await db.select().from(smsOutbox).where(eq(smsOutbox.id, id));
      return row;
    },
  };
}

/** Everything that is written to the console from now on; `vi.restoreAllMocks` ends it. */
export function captureConsole(): string[] {
  const lines: string[] = [];
  for (const method of ["log", "info", "warn", "error", "debug", "trace"] as const) {
    vi.spyOn(console, method).mockImplementation(
      (...values: unknown[]) => void lines.push(values.map(String).join(" ")),
    );
  }
  return lines;
}
