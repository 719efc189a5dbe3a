/** What GitHub's workflows may not do, whoever writes the next one. */

const PINNED = /^(?:[\w.-]+\/[\w./-]+@[0-9a-f]{40}|\.\/\S+)$/;
/** As a line of its own, or within braces. */
const USES = /(?:^|[\s{,])["']?uses["']?\s*:\s*["']?([^\s"',}]+)/g;

/** What is wrong with a workflow, as sentences. */
export function workflowFaults(path: string, text: string): string[] {
  const lines = text.split("\n").map((line) => line.replace(/(?:^|\s)#.*$/, ""));
  const actions = Array.from(lines.join("\n").matchAll(USES), ([, action = ""]) => action);
  const faults = actions
    .filter((action) => !PINNED.test(action))
    .map(
      (action) => `${path} uses ${action}: a tag can be moved, so pin the commit and put the version into a comment`,
    );
  // Steps begin with a dash; the one of a checkout ends where the next begins.
  const steps = lines.join("\n").split(/^\s*-\s/m);
  if (steps.some((step) => step.includes("actions/checkout@") && !/persist-credentials:\s*false/.test(step))) {
    faults.push(`${path} leaves its token in the checkout: say persist-credentials: false`);
  }
  if (!lines.some((line) => /^permissions:/.test(line)))
    faults.push(`${path} has no permissions of its own at the top`);
  if (lines.some((line) => /permissions:\s*write-all/.test(line))) faults.push(`${path} lets a job write everything`);
  if (lines.some((line) => /\bpull_request_target\b/.test(line))) {
    faults.push(`${path} runs on pull_request_target, which gives secrets to what a fork wrote`);
  }
  return faults;
}
