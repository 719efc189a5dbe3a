import { eq } from "drizzle-orm";
import { deadLetters } from "../../../src/db/d1/schema/index.ts";
import type { ConversionWorkerDeps } from "../../../src/modules/conversions/jobs.ts";
import { consumeConversion } from "../../../src/queues/conversions.consumer.ts";
import { db } from "../support/database.ts";

export const QUEUE = "test-conversions";
export const DEAD_QUEUE = "test-conversions-dead";

export const runMessage = (conversionId: string) => ({ v: 1, type: "conversion.run", conversionId });

/** A message as the platform delivers it, and what its consumer answers. */
export function delivery(body: unknown, change: { readonly id?: string; readonly attempts?: number } = {}) {
  const answers: string[] = [];
  return {
    id: change.id ?? crypto.randomUUID(),
    attempts: change.attempts ?? 1,
    body,
    answers,
    ack: () => void answers.push("ack"),
    retry: () => void answers.push("retry"),
  };
}

export type TestDelivery = ReturnType<typeof delivery>;

/** Lets the consumer have a message. @returns how it answered. */
export async function consume(deps: ConversionWorkerDeps, queue: string, message: TestDelivery): Promise<string[]> {
  await consumeConversion({ ...deps, withRoom: (job) => job() }, queue, message);
  return message.answers;
}

export function lettersAbout(messageId: string) {
  return db.select().from(deadLetters).where(eq(deadLetters.messageId, messageId));
}
