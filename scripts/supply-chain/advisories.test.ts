import { describe, expect, it } from "vitest";
import { type AuditReport, auditOutcome } from "./advisories.ts";

const url = "https://github.com/advisories/GHSA-aaaa-bbbb-cccc";
const via = { name: "hono", title: "Something gets through", url };
const REPORT: AuditReport = {
  auditReportVersion: 2,
  vulnerabilities: { hono: { via: [via] }, other: { via: ["hono"] } },
};
const CLEAN: AuditReport = { auditReportVersion: 2, vulnerabilities: {} };
const EXCEPTION = { id: "GHSA-aaaa-bbbb-cccc", reason: "not used here", until: "2026-12-31" };

describe("known holes", () => {
  it("are told once each, with the address to read about them", () => {
    expect(auditOutcome(REPORT, [], "2026-12-01")).toEqual({ faults: [`hono: Something gets through (${url})`] });
  });

  it("are accepted for as long as an exception says", () => {
    expect(auditOutcome(REPORT, [EXCEPTION], "2026-12-31")).toEqual({ faults: [] });
    expect(auditOutcome(REPORT, [EXCEPTION], "2027-01-01")).toEqual({
      faults: [expect.stringContaining(url), "the exception of GHSA-aaaa-bbbb-cccc ended on 2026-12-31"],
    });
  });

  it("leave no exception behind when they are closed", () => {
    expect(auditOutcome(CLEAN, [EXCEPTION], "2026-12-01")).toEqual({
      faults: [expect.stringContaining("no such advisory")],
    });
  });

  it("are not taken for none when the registry answers no audits", () => {
    const refused = { message: "405 Method Not Allowed", error: { summary: "", detail: "" } };
    expect(auditOutcome(refused, [], "2026-12-01")).toEqual({ skipped: "405 Method Not Allowed" });
    expect(auditOutcome({}, [], "2026-12-01")).toEqual({ skipped: "the registry answers no audits" });
  });
});
