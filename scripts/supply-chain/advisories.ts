/** Known holes in what runs, by `npm audit`. */
import { execFile } from "node:child_process";

export interface AuditException {
  /** Such as `GHSA-xxxx-xxxx-xxxx`. */
  readonly id: string;
  /** Why it does not matter here. */
  readonly reason: string;
  /** A day, after which it is looked at again. */
  readonly until: string;
}

export interface AuditReport {
  readonly auditReportVersion?: number;
  readonly message?: string;
  readonly error?: { readonly code?: string; readonly summary?: string };
  readonly vulnerabilities?: Readonly<
    Record<
      string,
      { readonly via: readonly (string | { readonly name: string; readonly url: string; readonly title: string })[] }
    >
  >;
}

export type AuditOutcome = { readonly faults: readonly string[] } | { readonly skipped: string };

/** What npm knows about the packages that are installed for production. */
export async function askNpm(root: string): Promise<AuditReport> {
  const args = ["audit", "--omit=dev", "--json"];
  const output = await new Promise<string>((done) => {
    // A status other than 0 says that there is something to read.
    execFile("npm", args, { cwd: root, timeout: 30_000, maxBuffer: 64 << 20 }, (_error, stdout) => done(stdout));
  });
  try {
    return JSON.parse(output);
  } catch {
    return { error: { summary: "npm audit gave no answer" } };
  }
}

/** Advisories without an exception, and exceptions that have ended or are not needed, as sentences; or why there are none. */
export function auditOutcome(report: AuditReport, exceptions: readonly AuditException[], today: string): AuditOutcome {
  if (report.auditReportVersion === undefined || report.vulnerabilities === undefined) {
    return { skipped: report.error?.summary || report.message || "the registry answers no audits" };
  }
  const known = new Map<string, string>();
  for (const { via } of Object.values(report.vulnerabilities)) {
    for (const cause of via) {
      if (typeof cause === "string") continue;
      known.set(cause.url.split("/").at(-1) ?? cause.url, `${cause.name}: ${cause.title} (${cause.url})`);
    }
  }
  const accepted = new Set(exceptions.filter(({ until }) => until >= today).map(({ id }) => id));
  const open = [...known].filter(([id]) => !accepted.has(id)).map(([, text]) => text);
  const idle = exceptions
    .filter(({ id }) => !known.has(id))
    .map(({ id }) => `${id} is excepted, but npm knows no such advisory`);
  const ended = exceptions.filter(({ id, until }) => known.has(id) && until < today);
  return { faults: [...open, ...idle, ...ended.map(({ id, until }) => `the exception of ${id} ended on ${until}`)] };
}
