/** A queue's name as a label of metrics: without what all names of the service begin with. */
export function queueLabel(queue: string): string {
  return queue.replace(/^ai-styler-/, "");
}
