import { describe, expect, it } from "vitest";
import { workflowFaults } from "./workflows.ts";

const SHA = "0123456789abcdef0123456789abcdef01234567";
const workflow = (uses: string, head = "permissions:\n  contents: read") =>
  `on:\n  push:\n${head}\njobs:\n  a:\n    steps:\n      - uses: ${uses}\n      - run: npm test\n`;

describe("a workflow", () => {
  it.each([`actions/setup-node@${SHA} # v7.0.0`, `github/codeql-action/init@${SHA}`, "./.github/actions/own"])(
    "may use %s",
    (uses) => {
      expect(workflowFaults("ci.yml", workflow(uses))).toEqual([]);
    },
  );

  it.each(["actions/setup-node@v4", "actions/cache@main", `actions/cache@${SHA.slice(1)}`, "docker://node:20"])(
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

  it("may not use a tag, however it is written", () => {
    for (const step of [
      "{ uses: actions/cache@v4 }",
      '{name: x, "uses": "actions/cache@v4"}',
      "uses: 'actions/cache@v4'",
    ]) {
      const text = workflow("./own").replace("uses: ./own", step);
      expect(workflowFaults("ci.yml", text), step).toEqual([expect.stringContaining("uses actions/cache@v4")]);
    }
  });

  it("leaves no token where the code of a pull request could find it", () => {
    const checkout = `actions/checkout@${SHA}`;
    const kept = `${checkout}\n        with:\n          persist-credentials: false`;
    expect(workflowFaults("ci.yml", workflow(kept))).toEqual([]);
    for (const steps of [checkout, `${kept}\n      - uses: ${checkout}`, `${checkout}\n      - uses: ${kept}`]) {
      expect(workflowFaults("ci.yml", workflow(steps))).toEqual([
        expect.stringContaining("persist-credentials: false"),
      ]);
    }
  });

  it("may speak of what it must not do", () => {
    expect(workflowFaults("ci.yml", `# Never pull_request_target.\n${workflow("./own")}`)).toEqual([]);
  });
});
