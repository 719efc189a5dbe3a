/** What a process has used, as Linux tells it. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

/** Processor time in milliseconds. */
export interface CpuTime {
  /** Of the first thread: in workerd, the one that all JavaScript runs on. */
  readonly mainMs: number;
  /** Of all threads that are alive, those of V8's collector and compilers included. */
  readonly allMs: number;
}

export function cpuTime(pid: number): CpuTime {
  // The first number of schedstat is the time on a processor, in nanoseconds.
  const msOf = (thread: number | string) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  const allMs = readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + msOf(thread), 0);
  return { mainMs: msOf(pid), allMs };
}

function statusMiB(pid: number, field: "VmHWM" | "VmRSS" | "RssFile"): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kib === undefined) throw new Error(`/proc/${pid}/status tells no ${field}`);
  return Number(kib) / 1024;
}

/** Memory that is in use now, in MiB. Pages of the program's own file, which come as its code is run, don't count. */
export const residentMiB = (pid: number) => statusMiB(pid, "VmRSS") - statusMiB(pid, "RssFile");

/** The most that was in use since the start or the last {@link forgetPeak}, in MiB. */
export const peakMiB = (pid: number) => statusMiB(pid, "VmHWM") - statusMiB(pid, "RssFile");

/** Lets the peak begin anew. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}
