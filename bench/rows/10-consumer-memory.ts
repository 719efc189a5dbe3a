import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { ROOT } from "../../scripts/stack-env.ts";
import { type Alone, type Prepared, prepareConversions, startAlone } from "../consumer-alone.ts";
import { type Fact, type Figure, type Row, spread } from "../measure.ts";
import { forgetPeak, peakMiB, residentMiB } from "../processes.ts";

const MARK_MIB = 100;
/** The largest that is decoded in an isolate. */
const SIDE = 2_000;
/** Of all presets, the one that needs most. */
const PRESET = "oil";
/** Processes that begin anew; the first job of each counts. */
const STARTS = 2;
const JOBS = 5;
const SETTLE_MS = 500;

interface Run {
  readonly idle: number;
  /** The most over idle, job by job. */
  readonly jobs: readonly number[];
  readonly kept: number;
  /** The most over idle while a picture is prepared that is uploaded after the jobs, and what came of it. */
  readonly upload: number;
  readonly prepared: string;
}

async function peakOf(alone: Alone, idle: number, work: () => Promise<unknown>): Promise<number> {
  forgetPeak(alone.pid);
  await work();
  return peakMiB(alone.pid) - idle;
}

async function measure(prepared: Prepared, picture: Buffer, ids: readonly string[]): Promise<Run> {
  const alone = await startAlone(prepared);
  try {
    // The isolate is there and has done something, but has seen no picture yet.
    await alone.prepare(Buffer.from("no picture"), "image/jpeg", { width: 1, height: 1 });
    await sleep(SETTLE_MS);
    const idle = residentMiB(alone.pid);
    const jobs: number[] = [];
    for (const id of ids) jobs.push(await peakOf(alone, idle, () => alone.run(id)));
    await sleep(SETTLE_MS);
    const kept = residentMiB(alone.pid) - idle;
    let answer = "";
    const upload = await peakOf(alone, idle, async () => {
      answer = await alone.prepare(picture, "image/jpeg", { width: SIDE, height: SIDE });
    });
    return { idle, jobs, kept, upload, prepared: answer };
  } finally {
    await alone.stop();
  }
}

function figuresOf(runs: readonly Run[]): Figure[] {
  const median = (of: (run: Run) => number) => spread(runs.map(of)).median;
  const figure = (what: string, value: number, mark: Figure["mark"] = null): Figure => {
    return { what, unit: "MiB", value, mark };
  };
  return [
    figure(
      "consumer: memory of a job, the most over idle",
      median(({ jobs }) => jobs[0] ?? Number.NaN),
      { kind: "at most", value: MARK_MIB },
    ),
    figure(
      `memory of the next ${JOBS - 1} jobs, the most over the same idle`,
      median(({ jobs }) => Math.max(...jobs.slice(1))),
    ),
    figure(
      "memory kept after them",
      median(({ kept }) => kept),
    ),
    figure(
      "memory of an upload after them",
      median(({ upload }) => upload),
    ),
  ];
}

function notesOf(runs: readonly Run[], bytes: number): string[] {
  const told = runs.map(({ jobs }) => jobs.map((mib) => mib.toFixed(0)).join(", ")).join("; ");
  return [
    `A JPEG of ${SIDE} × ${SIDE} px and ${(bytes / 1024).toFixed(0)} KiB, the preset ${PRESET}, from the queue to the stored result.`,
    "Resident memory of a workerd that runs the consumer, its tail, simulators of D1 and R2 and who hands out the work, at its",
    "peak, less that before any picture. It holds JavaScript's heap, WebAssembly's memories, buffers, and what the allocator",
    "keeps for the next job; of which the simulators have a part. Larger uploads are shrunk outside the isolate.",
    `Job by job, in each of ${runs.length} processes: ${told} MiB. Idle: ${runs[0]?.idle.toFixed(0)} MiB.`,
  ];
}

export const consumerMemory: Row = {
  number: 10,
  title: "consumer memory for a picture of 4 MP",
  reference: "none; over the same process before any picture",
  async measure(say) {
    say("building, and making conversions that wait");
    const sample = sharp(join(ROOT, "samples/style-hubble.jpg")).resize(SIDE, SIDE, { fit: "fill" });
    const picture = await sample.jpeg({ quality: 92 }).toBuffer();
    const wishes = Array.from({ length: STARTS * JOBS }, () => ({
      stylePreset: PRESET,
      outputFormat: "jpeg" as const,
    }));
    const prepared = await prepareConversions(picture, wishes);
    const runs: Run[] = [];
    while (runs.length < STARTS) {
      say(`process ${runs.length + 1} of ${STARTS}: ${JOBS} jobs and an upload`);
      const ids = prepared.conversionIds.slice(runs.length * JOBS, (runs.length + 1) * JOBS);
      runs.push(await measure(prepared, picture, ids));
    }
    const size = `${SIDE} × ${SIDE}`;
    const facts: Fact[] = [
      {
        what: "uploads were prepared",
        expected: size,
        found: [...new Set(runs.map((run) => run.prepared))].join("; "),
      },
    ];
    return { comparisons: [], figures: figuresOf(runs), facts, notes: notesOf(runs, picture.length) };
  },
};
