import type { Page, PageRequest } from "../../kernel/page.ts";

/**
 * What became of the conversion a dead letter names: `failed` since no message of it was delivered; `ended` otherwise
 * or taken up by another message before; `unreadable`: it names none.
 */
export const DEAD_LETTER_OUTCOMES = ["failed", "ended", "unreadable"] as const;
export type DeadLetterOutcome = (typeof DEAD_LETTER_OUTCOMES)[number];

/** A message the queue gave up on, or that nobody could read. */
export interface DeadLetter {
  readonly id: string;
  readonly queue: string;
  readonly messageId: string;
  readonly conversionId: string | null;
  /** The message as JSON text, cut off where it is long. */
  readonly body: string;
  readonly attempts: number;
  readonly outcome: DeadLetterOutcome;
  readonly receivedAt: number;
  readonly replayedAs: string | null;
  readonly replayedAt: number | null;
}

export type NewDeadLetter = Omit<DeadLetter, "replayedAs" | "replayedAt">;

/** A message as the queue delivered it. */
export interface Letter {
  readonly queue: string;
  readonly messageId: string;
  readonly attempts: number;
  readonly body: unknown;
}

export interface DeadLetterRepository {
  /** Idempotent by queue and message. @returns false when it was on record already. */
  record(letter: NewDeadLetter): Promise<boolean>;
  /** Newest first. */
  list(page: PageRequest): Promise<Page<DeadLetter>>;
  find(id: string): Promise<DeadLetter | null>;
}
