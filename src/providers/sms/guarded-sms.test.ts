import { describe, expect, it } from "vitest";
import type { Alert } from "../../ports/alerts.ts";
import type { CircuitAdmission, CircuitOutcome, CircuitPass, TripReason } from "../../ports/circuit-breaker.ts";
import { type OtpMessage, SmsError, type SmsFailure } from "../../ports/sms-sender.ts";
import { guardedSms } from "./guarded-sms.ts";

const CIRCUIT = "sms:smsir";
const PASS: CircuitPass = { circuit: CIRCUIT, epoch: 3, probe: "probe-1" };
const MESSAGE: OtpMessage = { to: "+989121234567", code: "123456", ttlMs: 120_000 };

interface Script {
  readonly error?: Error;
  readonly admission?: CircuitAdmission;
  /** What the breaker says to each report, in order. */
  readonly changes?: (TripReason | "closed" | null)[];
}

/** A guarded sender, and what its neighbours were told. */
function setUp({ error, admission = { allowed: true, pass: PASS }, changes = [] }: Script = {}) {
  const sent: { message: OtpMessage; signal: AbortSignal }[] = [];
  const asked: string[] = [];
  const reports: { pass: CircuitPass; outcome: CircuitOutcome }[] = [];
  const alerts: Alert[] = [];
  const unused = () => Promise.reject(new Error("not for a sender"));
  const sender = guardedSms(
    {
      async sendOtp(message, { signal }) {
        sent.push({ message, signal });
        if (error) throw error;
      },
    },
    CIRCUIT,
    {
      circuits: {
        async admit(circuit) {
          asked.push(circuit);
          return admission;
        },
        async report(pass, outcome) {
          reports.push({ pass, outcome });
          return changes.shift() ?? null;
        },
        state: unused,
        force: unused,
      },
      alerts: { raise: (alert) => void alerts.push(alert) },
    },
  );
  const { signal } = new AbortController();
  return { sent, asked, reports, alerts, signal, send: () => sender.sendOtp(MESSAGE, { signal }) };
}

const thrownBy = (work: Promise<void>) =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

describe("a sender behind its circuit", () => {
  it("sends what it may send as it is, and reports the success with the pass it was given", async () => {
    const { send, sent, asked, reports, alerts, signal } = setUp();
    await send();
    expect(asked).toEqual([CIRCUIT]);
    expect(sent).toEqual([{ message: MESSAGE, signal }]);
    expect(sent[0]?.signal).toBe(signal);
    expect(reports).toEqual([{ pass: PASS, outcome: { kind: "success" } }]);
    expect(alerts).toEqual([]);
  });

  it.each<[TripReason, SmsFailure]>([
    ["failures", "unavailable"],
    ["forced", "unavailable"],
    ["rate_limited", "rate_limited"],
    ["config", "config"],
  ])("sends nothing while that is open (%s), and says when to come back", async (reason, failure) => {
    const { send, sent, reports, alerts } = setUp({ admission: { allowed: false, reason, retryAfterMs: 12_345 } });
    const error = await thrownBy(send());
    expect(error).toBeInstanceOf(SmsError);
    expect(error).toMatchObject({
      failure,
      retryAfterMs: 12_345,
      message: `the circuit ${CIRCUIT} is open: ${reason}`,
    });
    expect([sent, reports, alerts]).toEqual([[], [], []]);
  });

  it.each<[SmsFailure, number | null, CircuitOutcome]>([
    ["rejected", null, { kind: "neutral" }],
    ["unavailable", 5_000, { kind: "failure" }],
    ["timeout", null, { kind: "failure" }],
    ["rate_limited", 5_000, { kind: "trip", reason: "rate_limited", retryAfterMs: 5_000 }],
    ["rate_limited", null, { kind: "trip", reason: "rate_limited", retryAfterMs: null }],
    ["config", null, { kind: "trip", reason: "config", retryAfterMs: null }],
  ])("reports %s (wait %j ms) as %j, once, and passes it on", async (failure, retryAfterMs, outcome) => {
    const error = new SmsError(failure, "test: HTTP 500", { retryAfterMs });
    const { send, reports } = setUp({ error });
    expect(await thrownBy(send())).toBe(error);
    expect(reports).toEqual([{ pass: PASS, outcome }]);
  });

  it("reports an error of another kind as one that says nothing, so that its probe is not lost", async () => {
    const error = new TypeError("of our own doing");
    const { send, reports, alerts } = setUp({ error });
    expect(await thrownBy(send())).toBe(error);
    expect(reports).toEqual([{ pass: PASS, outcome: { kind: "neutral" } }]);
    expect(alerts).toEqual([]);
  });
});

describe("operators", () => {
  it("are told once that a circuit opened, and by which of parallel failures", async () => {
    const error = new SmsError("unavailable", "test: HTTP 500");
    const { send, alerts } = setUp({ error, changes: [null, "failures", null] });
    for (let i = 0; i < 3; i++) expect(await thrownBy(send())).toBe(error);
    expect(alerts).toMatchObject([
      { name: "circuit_opened", about: CIRCUIT, what: expect.stringContaining("failures") },
    ]);
    expect(JSON.stringify(alerts)).not.toMatch(new RegExp(`${MESSAGE.code}|${MESSAGE.to.slice(1)}`));
  });

  it("are not told that one closed", async () => {
    const { send, alerts, reports } = setUp({ changes: ["closed"] });
    await send();
    expect(reports).toHaveLength(1);
    expect(alerts).toEqual([]);
  });
});
