import type { AlertName } from "../../src/ports/alerts.ts";
import type { Severity } from "../../src/providers/telegram/alert-text.ts";

const MINUTE_MS = 60_000;

/** When alerts of a name are worth a message: once so many have come within that time. */
export interface AlertRule {
  readonly severity: Severity;
  readonly atLeast: number;
  /** Sliding, by the desk's clock. */
  readonly withinMs: number;
}

const each = (severity: Severity): AlertRule => ({ severity, atLeast: 1, withinMs: 10 * MINUTE_MS });

const RULES: Readonly<Record<AlertName, AlertRule>> = {
  circuit_opened: each("critical"),
  dead_letter: each("critical"),
  budget_spent: each("critical"),
  otp_pumping: each("critical"),
  migration_mismatch: each("critical"),
  metrics_loss: each("warning"),
  hash_failures: { severity: "critical", atLeast: 5, withinMs: 10 * MINUTE_MS },
  refresh_reuse: { severity: "warning", atLeast: 5, withinMs: 10 * MINUTE_MS },
  invocation_cut_off: { severity: "warning", atLeast: 3, withinMs: 10 * MINUTE_MS },
};

/** One of a name that this version does not know, but another one has stored, is told by each. */
export function ruleOf(name: AlertName): AlertRule {
  return Object.hasOwn(RULES, name) ? RULES[name] : each("warning");
}

/** For so long after a message more of the same is only counted; then one message tells how many there were. */
export const WINDOW_MS = 10 * MINUTE_MS;
