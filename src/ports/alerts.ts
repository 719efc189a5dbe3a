/** Kinds of things an operator should see to. */
export const ALERT_NAMES = [
  "circuit_opened",
  "dead_letter",
  "budget_spent",
  "hash_failures",
  "refresh_reuse",
  "otp_pumping",
  "metrics_loss",
  "migration_mismatch",
  "invocation_cut_off",
] as const;
export type AlertName = (typeof ALERT_NAMES)[number];

/** Something an operator should see to. */
export interface Alert {
  /** What kind of thing happened; alerts of one name and `about` are one matter. */
  readonly name: AlertName;
  /** Which one: a circuit, a queue, a day. Never personal. */
  readonly about: string;
  /** What happened, in a sentence. */
  readonly what: string;
  /** What to do about it, in a sentence. */
  readonly advice: string;
}

/** Tells operators. Never throws: nothing may fail because nobody could be told. */
export interface Alerts {
  raise(alert: Alert): void;
}
