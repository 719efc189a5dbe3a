import type { AuditEvent } from "../src/kernel/audit.ts";
import { newId } from "../src/kernel/ids.ts";
import type { ConversionInput } from "../src/modules/conversions/conversion.ts";
import type { Letter } from "../src/modules/conversions/dead-letters.ts";
import type { CreateConditions, NewConversion } from "../src/modules/conversions/repository.ts";

/** A preset style of one photo. */
export function conversionInput(personImageId: string, change: Partial<ConversionInput> = {}): ConversionInput {
  return {
    kind: "style",
    personImageId,
    garmentImageId: null,
    category: null,
    styleImageId: null,
    stylePreset: "oil",
    prompt: null,
    seed: 1,
    outputMime: "image/jpeg",
    providerRequested: null,
    fallback: "deny",
    ...change,
  };
}

/** A conversion that was asked for just now and has ten minutes. */
export function newConversion(
  userId: string,
  input: ConversionInput,
  change: Partial<NewConversion> = {},
): NewConversion {
  const createdAt = change.createdAt ?? Date.now();
  return {
    id: newId("cnv", createdAt),
    userId,
    input,
    title: null,
    metadata: {},
    retryOf: null,
    origin: null,
    createdAt,
    deadlineAt: createdAt + 600_000,
    ...change,
  };
}

/** Conditions that refuse nothing, for a conversion created at `now`; its first message is left to the test. */
export function createConditions(now: number, change: Partial<CreateConditions> = {}): CreateConditions {
  return {
    period: new Date(now).toISOString().slice(0, 7),
    defaultMonthlyUnits: 1000,
    maxConcurrent: 1000,
    newImages: [],
    cleanUpId: null,
    idempotency: null,
    event: null,
    replay: null,
    outboxId: newId("obx", now),
    outboxDueAt: now + 15_000,
    ...change,
  };
}

/** A message that the queue gave up on, never delivered before. */
export function deadLetter(change: Partial<Letter> = {}): Letter {
  return { queue: "test-conversions-dead", messageId: crypto.randomUUID(), attempts: 1, body: { v: 1 }, ...change };
}

/** An audit event of a user nobody else has. */
export function auditEvent(change: Partial<AuditEvent> = {}): AuditEvent {
  const now = Date.now();
  const userId = newId("usr", now);
  return {
    id: newId("aud", now),
    subject: { userId },
    actorId: userId,
    action: "user.update",
    outcome: "success",
    sessionId: null,
    ipPrefix: null,
    detail: null,
    createdAt: now,
    ...change,
  };
}
