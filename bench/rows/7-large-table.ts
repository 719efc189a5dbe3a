import { load } from "../load.ts";
import { type Comparison, type Fact, type Findings, inTurns, type Row } from "../measure.ts";
import { type Reader, type Seeded, startSeeded } from "../seeded.ts";

const LARGE = 1_000_000;
const SMALL = 1_000;
const MARK = { kind: "at most", ratio: 1.25 } as const;
const CONNECTIONS = 8;
const REQUESTS = 40;
const ROUNDS = 30;
/** Rounds before anything counts: the optimizing compiler's turn. */
const WARM_UP = 6;
const SAMPLE_EVERY = 20;

const READS = {
  get: "GET /api/conversions/{id}",
  first: "list, first page",
  deep: "list, page 15",
  status: "list by status, first page and a deep one",
  kind: "list by kind, first page and a deep one",
} as const;
type Read = keyof typeof READS;

/** What came of all requests. */
class Tally {
  #sent = 0;
  #ok = 0;
  #sampled = 0;
  #right = 0;

  /** @returns milliseconds a request, of several at once. */
  async time({ url, headers, paths, ids }: Reader, read: Read): Promise<number> {
    const isRight = (body: string) => {
      const answer = JSON.parse(body) as { id?: string; items?: { id: string }[] };
      const found = read === "get" ? [answer.id ?? ""] : (answer.items ?? []).map(({ id }) => id);
      return found.length > 0 && (read === "status" || read === "kind" || found.every((id) => ids.includes(id)));
    };
    const sample = { every: SAMPLE_EVERY, isRight };
    const options = { url, paths: paths[read], connections: CONNECTIONS, requests: REQUESTS, headers, sample };
    const { perSecond, statuses, sampled, wrong } = await load(options);
    this.#sent += REQUESTS;
    this.#ok += statuses[200] ?? 0;
    this.#sampled += sampled;
    this.#right += sampled - wrong;
    return 1_000 / perSecond;
  }

  fact(): Fact {
    const tell = (ok: number, right: number) =>
      `${ok} of ${this.#sent} are 200, ${right} of ${this.#sampled} that were read are the right ones`;
    return { what: "answers", expected: tell(this.#sent, this.#sampled), found: tell(this.#ok, this.#right) };
  }
}

async function compare(
  tally: Tally,
  what: string,
  read: Read,
  reference: Reader,
  subject: Reader,
): Promise<Comparison> {
  const one = () => tally.time(reference, read);
  const other = () => tally.time(subject, read);
  await inTurns(WARM_UP, one, other);
  return { what, unit: "ms", mark: MARK, pairs: await inTurns(ROUNDS, one, other) };
}

function sameConversions(small: Reader, large: Reader): Fact {
  const expected = small.ids.join();
  const found = large.ids.join();
  const tell = (same: boolean) => (same ? "the same" : "others");
  return { what: "the measured user's conversions in both", expected: tell(true), found: tell(expected === found) };
}

async function measure(small: Seeded, large: Seeded, say: (progress: string) => void): Promise<Findings> {
  const tally = new Tally();
  const comparisons: Comparison[] = [];
  for (const read of Object.keys(READS) as Read[]) {
    say(`${ROUNDS} rounds of ${REQUESTS}: ${READS[read]}`);
    comparisons.push(await compare(tally, READS[read], read, small.measured, large.measured));
  }
  for (const read of large.heavy === null ? [] : (["get", "first", "deep"] as const)) {
    const what = `${READS[read]}, of a user with ten times as many`;
    say(`${ROUNDS} rounds of ${REQUESTS}: ${what}`);
    const comparison = await compare(tally, what, read, small.measured, large.heavy ?? large.measured);
    comparisons.push({ ...comparison, mark: null });
  }
  const facts = [tally.fact(), sameConversions(small.measured, large.measured), ...large.facts];
  const notes = [
    `The user has 500 conversions in both databases, the very same; only the others' are more. Filling the large one took`,
    `${Math.round(large.seedingMs / 1_000)} s. Its files are in memory, where the machine has a place for that. Times are those of ${CONNECTIONS} requests at once, each.`,
  ];
  return { comparisons, facts, notes };
}

/** @param size how many conversions the large table has. */
export async function measureTables(size: number, say: (progress: string) => void): Promise<Findings> {
  const until = Date.now();
  say(`filling a database with ${SMALL} conversions`);
  const small = await startSeeded(SMALL, until);
  try {
    say(`filling another with ${size}`);
    const large = await startSeeded(size, until);
    try {
      return await measure(small, large, say);
    } finally {
      await large.service.stop();
    }
  } finally {
    await small.service.stop();
  }
}

export const largeTable: Row = {
  number: 7,
  title: "get and list with 1,000,000 conversions in the table",
  reference: "the same with 1,000",
  measure: (say) => measureTables(LARGE, say),
};
