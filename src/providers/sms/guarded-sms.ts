import type { Alerts } from "../../ports/alerts.ts";
import type { CircuitBreakers, CircuitOutcome } from "../../ports/circuit-breaker.ts";
import { SmsError, type SmsFailure, type SmsSender } from "../../ports/sms-sender.ts";

/** What a failure tells of the provider's health. */
const OUTCOMES: Record<SmsFailure, (retryAfterMs: number | null) => CircuitOutcome> = {
  rejected: () => ({ kind: "neutral" }),
  unavailable: () => ({ kind: "failure" }),
  timeout: () => ({ kind: "failure" }),
  rate_limited: (retryAfterMs) => ({ kind: "trip", reason: "rate_limited", retryAfterMs }),
  config: (retryAfterMs) => ({ kind: "trip", reason: "config", retryAfterMs }),
};

/** A sender behind its circuit breaker: while that is open nothing is sent, and callers are told when to come back. */
export function guardedSms(
  sender: SmsSender,
  circuit: string,
  deps: { readonly circuits: CircuitBreakers; readonly alerts: Alerts },
): SmsSender {
  return {
    async sendOtp(message, options) {
      const admission = await deps.circuits.admit(circuit);
      if (!admission.allowed) {
        const { reason, retryAfterMs } = admission;
        const failure = reason === "rate_limited" || reason === "config" ? reason : "unavailable";
        throw new SmsError(failure, `the circuit ${circuit} is open: ${reason}`, { retryAfterMs });
      }
      const report = async (outcome: CircuitOutcome) => {
        const change = await deps.circuits.report(admission.pass, outcome);
        if (change === null || change === "closed") return;
        deps.alerts.raise({
          name: "circuit_opened",
          about: circuit,
          what: `The circuit ${circuit} opened: ${change}`,
          advice: "Check the SMS provider's status, key and credit; codes wait until it answers again",
        });
      };
      try {
        await sender.sendOtp(message, options);
      } catch (error) {
        // Any other error says nothing of the provider, but a probe that never comes back holds all others up.
        await report(error instanceof SmsError ? OUTCOMES[error.failure](error.retryAfterMs) : { kind: "neutral" });
        throw error;
      }
      await report({ kind: "success" });
    },
  };
}
