import { describe, expect, it } from "vitest";
import { workflowFaults } from "./workflows.ts";

const SHA = "0123456789abcdef0123456789abcdef01234567";
const workflow = (uses: string, head = "permissions:\n  contents: read") =>
  `on:\n  push:\n${head}\njobs:\n  a:\n    steps:\n      - uses: ${uses}\n      - run: npm test\n`;

describe("a workflow", () => {
  it.each([`actions/checkout@${SHA} # v7.0.1`, `github/codeql-action/init@${SHA}`, "./.github/actions/own"])(
    "may use %s",
    (uses) => {
      expect(workflowFaults("ci.yml", workflow(uses))).toEqual([]);
    },
  );

  it.each(["actions/checkout@v4", "actions/checkout@main", `actions/checkout@${SHA.slice(1)}`, "docker://node:20"])(
    "may not use %s",
    (uses) => {
      expect(workflowFaults("ci.yml", workflow(uses))).toEqual([expect.stringContaining(`uses ${uses}`)]);
    },
  );

  it.each([
    ["says no permissions", "", "has no permissions"],
    ["says them for one job only", "x:\n  permissions:\n    contents: read", "has no permissions"],
    ["may write everything", "permissions: write-all", "lets a job write everything"],
    ["gives a fork secrets", "permissions: {}\non2: [pull_request_target]", "pull_request_target"],
  ])("that %s is refused", (_, head, fault) => {
    expect(workflowFaults("ci.yml", workflow("./own", head))).toEqual([expect.stringContaining(fault)]);
  });

  it("may speak of what it must not do", () => {
    expect(workflowFaults("ci.yml", `# Never pull_request_target.\n${workflow("./own")}`)).toEqual([]);
  });
});
