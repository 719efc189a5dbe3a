import { randomBytes } from "node:crypto";
import { hashRawSync } from "@node-rs/argon2";
import argon2 from "argon2";
import { ask } from "../load.ts";
import { type Comparison, type Fact, inTurns, type Row, spread } from "../measure.ts";
import { bundle, type Served, serve } from "../workerd.ts";

const MARK = { kind: "at most", ratio: 1.3 } as const;
const PASSWORD = "correct horse battery staple";
/** By number: a constant enum, as which the package declares it, has no value at run time. */
const ARGON2ID = 2;
const HASH_BYTES = 32;
/** Before anything counts: the optimizing compiler's turn, and the heap's first growth. */
const WARM_UP = 5;
const EMPTY_REQUESTS = 100;

interface Cost {
  readonly what: string;
  readonly memoryKiB: number;
  readonly iterations: number;
  readonly rounds: number;
}

const COSTS: readonly Cost[] = [
  { what: "hash, 19 MiB, t=2 (default)", memoryKiB: 19_456, iterations: 2, rounds: 40 },
  { what: "hash, 64 MiB, t=3", memoryKiB: 65_536, iterations: 3, rounds: 16 },
];

/** The reference C code, as the npm package `argon2` builds it. */
async function nativeC(salt: Buffer, { memoryKiB, iterations }: Cost): Promise<{ ms: number; hash: string }> {
  const options = {
    type: argon2.argon2id,
    memoryCost: memoryKiB,
    timeCost: iterations,
    parallelism: 1,
    hashLength: HASH_BYTES,
    salt,
    raw: true,
  } as const;
  const started = performance.now();
  const hash = await argon2.hash(PASSWORD, options);
  return { ms: performance.now() - started, hash: hash.toString("hex") };
}

/** Rust that uses the widest vectors the processor has. */
function nativeRust(salt: Buffer, { memoryKiB, iterations }: Cost): { ms: number; hash: string } {
  const options = {
    algorithm: ARGON2ID,
    memoryCost: memoryKiB,
    timeCost: iterations,
    parallelism: 1,
    outputLen: HASH_BYTES,
    salt,
  };
  const started = performance.now();
  const hash = hashRawSync(PASSWORD, options);
  return { ms: performance.now() - started, hash: hash.toString("hex") };
}

/** Timed from outside: a Worker's clock stands still while it computes. */
async function wasm(worker: Served, salt: Buffer, { memoryKiB, iterations }: Cost) {
  const cost = `memoryKiB=${memoryKiB}&iterations=${iterations}`;
  const input = `password=${encodeURIComponent(PASSWORD)}&salt=${salt.toString("hex")}`;
  const { ms, body } = await ask(`${worker.url}/hash?${cost}&${input}`);
  return { ms, hash: body };
}

async function compare(worker: Served, cost: Cost): Promise<Comparison[]> {
  const subject = async () => (await wasm(worker, randomBytes(16), cost)).ms;
  const c = async () => (await nativeC(randomBytes(16), cost)).ms;
  const rust = async () => nativeRust(randomBytes(16), cost).ms;
  await inTurns(WARM_UP, c, subject);
  const { what, rounds } = cost;
  return [
    { what, unit: "ms", mark: MARK, pairs: await inTurns(rounds, c, subject) },
    { what: `${what}, Rust`, unit: "ms", mark: null, pairs: await inTurns(rounds / 2, rust, subject) },
  ];
}

/** Two programs that didn't compute the same would be no comparison. */
async function sameHash(worker: Served, cost: Cost): Promise<Fact> {
  const salt = randomBytes(16);
  const found = await wasm(worker, salt, cost);
  return { what: `${cost.what}: both give`, expected: (await nativeC(salt, cost)).hash, found: found.hash };
}

const NOTES = [
  "Rust: @node-rs/argon2, with AVX2 or AVX-512 where the processor has them; WebAssembly's vectors have 128 bits.",
  "The references take new memory for every hash; the subject's heap, once grown, is used again.",
];

async function emptyRequest(worker: Served): Promise<string> {
  const times: number[] = [];
  for (let i = 0; i < EMPTY_REQUESTS; i++) times.push((await ask(`${worker.url}/empty`)).ms);
  return `An empty request takes ${spread(times).median.toFixed(2)} ms; it is part of the subject's time.`;
}

export const passwordHash: Row = {
  number: 4,
  title: "password hash, one at a time",
  reference: "the reference C code, native in Node (npm argon2)",
  async measure(say) {
    say("building");
    const worker = await serve({ name: "argon2", bundle: bundle("bench/workers/argon2/wrangler.toml") });
    try {
      const comparisons: Comparison[] = [];
      const facts: Fact[] = [];
      for (const cost of COSTS) {
        say(`${cost.rounds} pairs of ${cost.what}`);
        comparisons.push(...(await compare(worker, cost)));
        facts.push(await sameHash(worker, cost));
      }
      return { comparisons, facts, notes: [await emptyRequest(worker), ...NOTES] };
    } finally {
      await worker.stop();
    }
  },
};
