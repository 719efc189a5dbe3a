import { cpSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KIB, uploadBytes, WORKERS } from "../../scripts/bundle-size.ts";
import { ask } from "../load.ts";
import { allInTurns, type Figure, type Row, spread } from "../measure.ts";
import { type CpuTime, cpuTime } from "../processes.ts";
import { type Bundle, bundle, serve, temporaryFolder } from "../workerd.ts";

const START_UP_MARK_MS = 60;
const ROUNDS = 15;
const WARM_UP = 1;

type Name = (typeof WORKERS)[number]["name"];

/** A module that answers by itself, so that nothing but loading the bundle is added to a bare Worker's start. */
const ANSWER = 'export default { fetch: () => new Response("") };\n';

/** The bundle behind {@link ANSWER}: all of it is parsed and evaluated, and none of it is called. */
function imported(built: Bundle): Bundle {
  const folder = temporaryFolder();
  cpSync(built.folder, folder, { recursive: true });
  renameSync(join(folder, "index.js"), join(folder, "bundle.js"));
  writeFileSync(
    join(folder, "index.js"),
    `import * as bundle from "./bundle.js";\nglobalThis.bundle = bundle;\n${ANSWER}`,
  );
  return { ...built, folder };
}

function bare({ compatibilityDate }: Bundle): Bundle {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "index.js"), ANSWER);
  return { folder, compatibilityDate };
}

/** What a fresh workerd has computed when it has given its first answer. */
async function startUp(name: string, built: Bundle): Promise<CpuTime> {
  const worker = await serve({ name, bundle: built });
  try {
    await ask(worker.url);
    return cpuTime(worker.pid);
  } finally {
    await worker.stop();
  }
}

type Started = Readonly<Record<Name | "bare", CpuTime>>;

function startUpFigures(name: Name, rounds: readonly Started[]): Figure[] {
  const over = (clock: keyof CpuTime) => spread(rounds.map((times) => times[name][clock] - times.bare[clock]));
  const figure = (what: string, clock: keyof CpuTime, mark: Figure["mark"]): Figure => {
    const { low, median, high } = over(clock);
    const quartiles = `${low.toFixed(0)}–${high.toFixed(0)}`;
    return { what: `${name}: ${what} (quartiles ${quartiles})`, unit: "ms", value: median, mark };
  };
  if (name !== "api") return [figure("start-up CPU", "mainMs", null)];
  return [
    figure("start-up CPU", "mainMs", { kind: "at most", value: START_UP_MARK_MS }),
    figure("start-up CPU of all threads", "allMs", null),
  ];
}

const NOTES = [
  "Size: the modules of the upload, each compressed by gzip, as `wrangler deploy --dry-run` leaves them, minified.",
  "Start-up CPU: processor time of workerd's main thread, which all JavaScript runs on, from its start to its first",
  "answer, less that of one with a Worker of one line. The answer is that one line's as well, so the difference is reading,",
  "compiling and evaluating the bundle's global scope. The other threads are V8's, which collects garbage beside it.",
];

export const apiBundle: Row = {
  number: 9,
  title: "size and start-up of the bundles",
  reference: "none; start-up is over that of a bare Worker",
  async measure(say) {
    say("building");
    const built = WORKERS.map(({ name, config, budget }) => ({ name, budget, bundle: bundle(config) }));
    const sizes = built.map(({ name, budget, bundle: { folder } }): Figure => {
      const mark = { kind: "at most", value: budget / KIB } as const;
      return {
        what: `${name}: gzip`,
        unit: "KiB",
        value: uploadBytes(folder) / KIB,
        mark: name === "api" ? mark : null,
      };
    });
    const [first] = built;
    if (first === undefined) throw new Error("there are no Workers");
    const bundles = {
      bare: bare(first.bundle),
      ...Object.fromEntries(built.map((it) => [it.name, imported(it.bundle)])),
    };
    const ways = Object.fromEntries(
      Object.entries(bundles).map(([name, it]) => [name, () => startUp(name, it)] as const),
    ) as Record<Name | "bare", () => Promise<CpuTime>>;
    say(`${ROUNDS} rounds of starting each`);
    await allInTurns(WARM_UP, ways);
    const rounds = await allInTurns(ROUNDS, ways);
    const startUps = WORKERS.flatMap(({ name }) => startUpFigures(name, rounds));
    const started = spread(rounds.map(({ bare }) => bare.mainMs)).median.toFixed(0);
    return {
      comparisons: [],
      figures: [...sizes, ...startUps],
      facts: [],
      notes: [...NOTES, `The bare Worker and workerd itself take ${started} ms.`],
    };
  },
};
