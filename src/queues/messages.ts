import { z } from "zod";

/** Longest texts of an alert that travels; whoever sends one cuts them. In UTF-16 units. */
export const ALERT_CHARS = { about: 200, what: 1_000, advice: 500 } as const;
/** So many alerts at the most are told by one message. */
export const MAX_ALERT_COUNT = 1_000_000;

const id = z.string().min(1).max(64);
/** The request that a message comes from; absent where nobody knows it any more. */
const origin = z.object({ requestId: id, traceparent: id }).optional();

const alert = z.object({
  /** Of any version: one that nobody here knows is told all the same. */
  name: z.string().regex(/^[a-z_]{1,64}$/),
  about: z.string().max(ALERT_CHARS.about),
  what: z.string().max(ALERT_CHARS.what),
  advice: z.string().max(ALERT_CHARS.advice),
});

/** Unknown fields are left out: while a release spreads, its messages meet the version before it. */
const message = z.discriminatedUnion("type", [
  z.object({ v: z.literal(1), type: z.literal("conversion.run"), conversionId: id, origin }),
  z.object({ v: z.literal(1), type: z.literal("sms.send"), smsId: id, origin }),
  z.object({
    v: z.literal(1),
    type: z.literal("alert.raise"),
    alert,
    /** When it was raised; the earliest time, where there are several. Epoch ms. */
    at: z.int().min(0).max(8_640_000_000_000_000),
    worker: z.string().min(1).max(64),
    /** How often it was raised; once where it is absent. */
    count: z.int().min(1).max(MAX_ALERT_COUNT).optional(),
  }),
]);

/** Everything that travels through the queues: a hint which row to look at, never the data itself. An alert has no row. */
export type QueueMessage = z.infer<typeof message>;

/** The message, or null for a body of another shape or version. */
export function parseMessage(body: unknown): QueueMessage | null {
  return message.safeParse(body).data ?? null;
}
