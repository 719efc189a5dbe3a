import { describe, expect, it } from "vitest";
import { createLogger } from "./logger.ts";
import { sweepPart } from "./sweep-part.ts";

function watched() {
  const reports: string[] = [];
  const logger = createLogger({ level: "error", format: "json" }, {}, () => {});
  return { reports, deps: { logger, errors: { report: (error: unknown) => void reports.push(String(error)) } } };
}

describe("a part of a sweep", () => {
  it("that fails at once or later is reported and counts nothing", async () => {
    const { deps, reports } = watched();
    const failures = [
      async () => Promise.reject(new Error("later")),
      () => {
        throw new Error("at once");
      },
    ];
    for (const work of failures) expect(await sweepPart(deps, "p", work)).toBe(0);
    expect(reports).toEqual(["Error: later", "Error: at once"]);
  });

  it("that hangs is left behind after its time, and reported", async () => {
    const { deps, reports } = watched();
    expect(await sweepPart(deps, "p", () => new Promise(() => {}), 20)).toBe(0);
    expect(reports).toEqual([expect.stringContaining("TimeoutError")]);
  });

  it("that is done in time counts what it did", async () => {
    const { deps, reports } = watched();
    expect(await sweepPart(deps, "p", async () => 7, 1_000)).toBe(7);
    expect(reports).toEqual([]);
  });
});
