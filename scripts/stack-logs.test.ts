import { describe, expect, it } from "vitest";
import { configurationProblem, createLogFilter, type LogLine, lineSplitter } from "./stack-logs.ts";

function filter(text: string): LogLine[] {
  const keep = createLogFilter();
  return text.split("\n").flatMap((line) => keep(line) ?? []);
}

describe("the log filter", () => {
  it("drops wrangler's banner, bindings, hints and request lines", () => {
    const chatter = `
 ⛅️ wrangler 4.155.0 (update available 4.164.0)
───────────────────────────────────────────────
[custom build] Running: node scripts/build-docs-page.ts
Using secrets defined in process.env
ai-styler-api has access to the following bindings:
Binding                                    Resource                  Mode
env.DB (ai-styler)                         D1 Database               local

ai-styler-api is sending Tail events to the following Workers:
- ai-styler-tail [not connected]
❓ Your types might be out of date. Re-run \`wrangler types\` to ensure your types are correct.
▲ [WARNING] Scheduled Workers are not automatically triggered during local development.

  To manually trigger a scheduled event, run:
    curl "http://127.0.0.1:8787/cdn-cgi/local/scheduled"


⎔ Starting local server...
[wrangler:info] Ready on http://127.0.0.1:8787
[wrangler:info] GET /api/health 200 OK (8ms)`;
    expect(filter(chatter)).toEqual([]);
  });

  it("names the Worker that wrote a line, and gives lines that follow to the same one", () => {
    expect(filter("[undefined] INFO request\n[ai-styler-consumer] Error: gone\n    at run (index.js:1:2)")).toEqual([
      { source: "api", text: "INFO request" },
      { source: "consumer", text: "Error: gone" },
      { source: "consumer", text: "    at run (index.js:1:2)" },
    ]);
  });

  it("keeps wrangler's errors", () => {
    expect(filter("[ai-styler-api] fine\n✘ [ERROR] Build failed with 1 error:")).toEqual([
      { source: "api", text: "fine" },
      { source: "wrangler", text: "✘ [ERROR] Build failed with 1 error:" },
    ]);
  });
});

describe("configurationProblem", () => {
  it.each([
    ['{"cause":"bad configuration: JWT_SECRET is missing"}', "JWT_SECRET is missing"],
    [
      "\u001b[31mERROR\u001b[0m bad configuration: BCRYPT_COST must be from 4 to 13",
      "BCRYPT_COST must be from 4 to 13",
    ],
    ["INFO request status=200", null],
  ])("finds the problem in %j", (line, problem) => {
    expect(configurationProblem(line)).toBe(problem);
  });
});

describe("lineSplitter", () => {
  it("puts lines together that arrive in pieces", () => {
    const lines: string[] = [];
    const split = lineSplitter((line) => lines.push(line));
    for (const chunk of ["one\ntw", "o\n", "three"]) split(chunk);
    expect(lines).toEqual(["one", "two"]);
  });
});
