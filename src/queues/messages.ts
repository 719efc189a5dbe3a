import { z } from "zod";

const message = z.discriminatedUnion("type", [
  z.strictObject({ v: z.literal(1), type: z.literal("conversion.run"), conversionId: z.string().min(1).max(64) }),
  z.strictObject({ v: z.literal(1), type: z.literal("sms.send"), smsId: z.string().min(1).max(64) }),
]);

/** Everything that travels through the queues: a hint which row to look at, never the data itself. */
export type QueueMessage = z.infer<typeof message>;

/** The message, or null for a body of another shape or version. */
export function parseMessage(body: unknown): QueueMessage | null {
  return message.safeParse(body).data ?? null;
}
