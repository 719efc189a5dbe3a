/** What GitHub's workflows may not do, whoever writes the next one. */

const PINNED = /^(?:[\w.-]+\/[\w./-]+@[0-9a-f]{40}|\.\/\S+)$/;

/** What is wrong with a workflow, as sentences. */
export function workflowFaults(path: string, text: string): string[] {
  const lines = text.split("\n").map((line) => line.replace(/(?:^|\s)#.*$/, ""));
  const faults = lines.flatMap((line) => {
    const action = /^\s*(?:-\s+)?uses:\s*["']?([^\s"']+)/.exec(line)?.[1];
    if (action === undefined || PINNED.test(action)) return [];
    return [`${path} uses ${action}: a tag can be moved, so pin the commit and put the version into a comment`];
  });
  if (!lines.some((line) => /^permissions:/.test(line)))
    faults.push(`${path} has no permissions of its own at the top`);
  if (lines.some((line) => /permissions:\s*write-all/.test(line))) faults.push(`${path} lets a job write everything`);
  if (lines.some((line) => /\bpull_request_target\b/.test(line))) {
    faults.push(`${path} runs on pull_request_target, which gives secrets to what a fork wrote`);
  }
  return faults;
}
