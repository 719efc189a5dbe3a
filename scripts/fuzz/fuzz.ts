/** `npm run fuzz`: generated requests for every operation of the OpenAPI document, and sequences of them. */
import { parseArgs } from "node:util";
import { readDocument } from "./operations.ts";
import { endpointsOf, type Finding, type FuzzReport, fuzz } from "./run.ts";
import { closeConnections } from "./send.ts";
import { fuzzSequences, type SequenceFinding } from "./sequences.ts";
import { type Service, serviceAt, startService } from "./service.ts";
import { World } from "./world.ts";

const USAGE = `npm run fuzz [-- --cases 5000 --sequences 60 --seed 7 --only createConversion,updateMe --url http://127.0.0.1:8787]

  --cases      requests in all, 5000 if not given
  --sequences  sign-ups, uploads, creations, deletions … in a row; 60 if not given
  --seed       makes the same requests again; a new one if not given
  --only       operationIds, with commas; no sequences then
  --url        a service that runs in development already; without it one is started for this run
  --state      its STATE_DIR, which making an admin takes: without it, what is for admins is left out
`;

function usage(code: 0 | 2, text = ""): never {
  (code === 0 ? process.stdout : process.stderr).write(text === "" ? USAGE : `${text}\n\n${USAGE}`);
  process.exit(code);
}

function wholeNumber(name: string, text: string | undefined, usual: number): number {
  if (text === undefined) return usual;
  return /^\d{1,9}$/.test(text) ? Number(text) : usage(2, `${name} must be a whole number`);
}

function readOptions() {
  const flag = { type: "string" } as const;
  try {
    const help = { type: "boolean", short: "h" } as const;
    const options = { cases: flag, sequences: flag, seed: flag, only: flag, url: flag, state: flag, help };
    const { values } = parseArgs({ options });
    if (values.help) usage(0);
    return {
      cases: wholeNumber("--cases", values.cases, 5000),
      sequences: wholeNumber("--sequences", values.sequences, 60),
      seed: wholeNumber("--seed", values.seed, Math.floor(Math.random() * 1e9)),
      only: values.only?.split(",").map((id) => id.trim()) ?? [],
      url: values.url,
      state: values.state ?? null,
    };
  } catch (error) {
    return usage(2, (error as Error).message);
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function tellFinding({ operationId, about, problems, curl, answer }: Finding, seed: number): void {
  say(`\n✗ ${operationId}: ${about}`);
  for (const problem of problems) say(`    ${problem}`);
  say(`\n${curl}\n\n  → ${answer}\n`);
  say(`  again: npm run fuzz -- --seed ${seed} --only ${operationId}`);
}

function tellSequence({ steps, problem }: SequenceFinding): void {
  say(`\n✗ a sequence: ${problem}`);
  for (const step of steps) say(`    ${step}`);
}

/** Once every two seconds at the most. */
function progress(): (done: number, total: number) => void {
  let told = 0;
  return (done, total) => {
    if (Date.now() - told < 2_000) return;
    told = Date.now();
    say(`  ${done} of about ${total} requests`);
  };
}

function tellReport({ findings, coverage, endpoints }: FuzzReport, seed: number): readonly string[] {
  for (const finding of findings) tellFinding(finding, seed);
  const gaps = coverage.gaps(endpoints);
  say(`\n${coverage.table(endpoints)}\n`);
  for (const gap of gaps) say(`✗ ${gap}`);
  return gaps;
}

async function run(service: Service, options: ReturnType<typeof readOptions>): Promise<boolean> {
  const document = await readDocument();
  const world = await World.open(service);
  if (endpointsOf(document, world, options.only).length === 0)
    usage(2, "--only names no operation that can be called here");
  if (!world.hasAdmin) say("Left out, for want of --state: the operations for admins.");
  const { cases, seed, only } = options;
  const startedAt = performance.now();
  const report = await fuzz(document, world, { cases, seed, only, onProgress: progress() });
  const sequences = only.length > 0 ? [] : await fuzzSequences(world, { runs: options.sequences, seed });
  const gaps = tellReport(report, seed);
  for (const finding of sequences) tellSequence(finding);
  const seconds = (performance.now() - startedAt) / 1000;
  const { total } = report.coverage;
  const found = report.findings.length + sequences.length;
  say(
    `${total} requests in ${seconds.toFixed(0)} s, seed ${seed}: ${found === 0 ? "nothing found" : `${found} found`}`,
  );
  return found === 0 && gaps.length === 0;
}

const options = readOptions();
say(`seed ${options.seed}`);
const service = options.url === undefined ? await startService() : serviceAt(options.url, options.state);
let ok = false;
try {
  ok = await run(service, options);
} finally {
  closeConnections();
  await service.stop();
}
process.exit(ok ? 0 : 1);
