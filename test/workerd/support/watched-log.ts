import { SecretWatch } from "../../support/secret-watch.ts";

/** What this test file has seen and must not find in its log. */
export const watch = new SecretWatch();
/** All that was printed in this file. */
export const printed: string[] = [];

/** Keeps what is printed, and prints only what nobody expects: the log is read at the end, not by people. */
export function watchConsole(): void {
  for (const level of ["log", "info", "warn", "error", "debug"] as const) {
    const print = console[level].bind(console);
    console[level] = (...args: unknown[]) => {
      const line = args.map((arg) => (typeof arg === "string" ? arg : JSON.stringify(arg))).join(" ");
      printed.push(line);
      if (!/^\{"time":|^time=|^\d\d:\d\d:\d\d\.\d{3} /.test(line)) print(...args);
    };
  }
}
