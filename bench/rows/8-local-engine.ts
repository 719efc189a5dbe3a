import { join } from "node:path";
import sharp, { type JpegOptions } from "sharp";
import { ROOT } from "../../scripts/stack-env.ts";
import { STYLE_PRESET_IDS, type StylePresetId } from "../../src/modules/conversions/style-presets.ts";
import { allInTurns, type Fact, type Pair, type Row, ratios, spread } from "../measure.ts";
import { cpuTime } from "../processes.ts";
import { bundle, type Served, serve } from "../workerd.ts";

const MARK = { kind: "at most", ratio: 4 } as const;
const ROUNDS = 8;
/** Of everything, before anything counts: the optimizing compiler's turn. */
const WARM_UP = 2;
const SIDE = 1_024;
const UPLOAD_QUALITY = 92;
/** Of the widths that the styles blur with, a middle one; what it takes depends little on it. */
const SIGMA = 3;
/** The engine's. */
const QUALITY = 85;
/** How the engine's encoder, MozJPEG, is set: it weighs every coefficient, which takes most of the time. */
const AS_THE_ENGINE: JpegOptions = {
  quality: QUALITY,
  trellisQuantisation: true,
  overshootDeringing: true,
  quantisationTable: 3,
};
const JPEG = { "Content-Type": "image/jpeg" };

interface Pictures {
  readonly person: Buffer;
  readonly garment: Buffer;
}

async function upload(sample: string): Promise<Buffer> {
  const picture = sharp(join(ROOT, "samples", sample)).flatten({ background: "white" });
  return picture.resize(SIDE, SIDE, { fit: "fill" }).jpeg({ quality: UPLOAD_QUALITY }).toBuffer();
}

async function withSharp(person: Buffer, options: JpegOptions): Promise<Buffer> {
  return sharp(person).blur(SIGMA).jpeg(options).toBuffer();
}

async function post(worker: Served, path: string, body: Buffer): Promise<Buffer> {
  const response = await fetch(worker.url + path, { method: "POST", headers: JPEG, body: new Uint8Array(body) });
  const bytes = Buffer.from(await response.arrayBuffer());
  if (response.ok) return bytes;
  throw new Error(`${path} answered ${response.status}: ${bytes}\n${worker.complaints()}`);
}

const stylePath = (preset: StylePresetId) => `/style?preset=${preset}&output=image/jpeg`;

/** Processor time of this process, which does nothing else meanwhile. */
async function ownMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Processor time of workerd, garbage collection included. */
async function workerMs({ pid }: Served, work: () => Promise<unknown>): Promise<number> {
  const before = cpuTime(pid).allMs;
  await work();
  return cpuTime(pid).allMs - before;
}

/** Two encoders that were asked for different things would be no comparison. */
async function likeFor(worker: Served, { person }: Pictures): Promise<Fact> {
  const tell = async (bytes: Buffer) => {
    const { format, width, height, chromaSubsampling, isProgressive } = await sharp(bytes).metadata();
    return `${format}, ${width} × ${height}, ${chromaSubsampling}${isProgressive ? ", progressive" : ""}`;
  };
  const found = await Promise.all(
    STYLE_PRESET_IDS.map(async (preset) => tell(await post(worker, stylePath(preset), person))),
  );
  return {
    what: "sharp's result and those of all presets are",
    expected: await tell(await withSharp(person, AS_THE_ENGINE)),
    found: [...new Set(found)].join("; "),
  };
}

type Way = StylePresetId | "sharp" | "sharpDefault" | "tryOn" | "empty";

async function measureAll(worker: Served, { person, garment }: Pictures): Promise<Record<Way, number>[]> {
  const both = Buffer.concat([person, garment]);
  const styles = STYLE_PRESET_IDS.map(
    (id) => [id, () => workerMs(worker, () => post(worker, stylePath(id), person))] as const,
  );
  const ways = {
    sharp: () => ownMs(() => withSharp(person, AS_THE_ENGINE)),
    sharpDefault: () => ownMs(() => withSharp(person, { quality: QUALITY })),
    ...(Object.fromEntries(styles) as Record<StylePresetId, () => Promise<number>>),
    tryOn: () => workerMs(worker, () => post(worker, `/try-on?garmentAt=${person.length}&output=image/jpeg`, both)),
    empty: () => workerMs(worker, () => post(worker, "/empty", person)),
  };
  await allInTurns(WARM_UP, ways);
  return allInTurns(ROUNDS, ways);
}

const NOTES = [
  "The picture: samples/person-astronaut.png as a JPEG of 1 MP. Times are processor times of all threads: of workerd for a",
  "request with the picture, garbage collection included, and of Node for sharp, so that a busy machine blurs them less.",
  "sharp on one thread, with the engine's encoder and settings: MozJPEG, quality 85, trellis quantisation. By default it",
  "leaves the trellis out, which native code does in a third of the time, and which the engine's codec can't be asked to.",
];

function findings(rounds: readonly Record<Way, number>[]) {
  const against = (reference: Way, subject: (figures: Record<Way, number>) => number): Pair[] =>
    rounds.map((figures) => ({ reference: figures[reference], subject: subject(figures) }));
  const ratioOf = (id: Way) => spread(ratios(against("sharp", (figures) => figures[id]))).median;
  const middle = (figures: Record<Way, number>) => spread(STYLE_PRESET_IDS.map((id) => figures[id])).median;
  const [slowest = "oil"] = STYLE_PRESET_IDS.toSorted((a, b) => ratioOf(b) - ratioOf(a));
  const unit = "ms";
  const each = STYLE_PRESET_IDS.map((id) => `${id} ${ratioOf(id).toFixed(1)}`).join(", ");
  const empty = spread(rounds.map((figures) => figures.empty)).median.toFixed(1);
  return {
    comparisons: [
      { what: "style, median of all presets", unit, mark: MARK, pairs: against("sharp", middle) },
      { what: `style, slowest preset: ${slowest}`, unit, mark: MARK, pairs: against("sharp", (all) => all[slowest]) },
      { what: "try-on", unit, mark: null, pairs: against("sharp", ({ tryOn }) => tryOn) },
      { what: "median preset, to sharp's defaults", unit, mark: null, pairs: against("sharpDefault", middle) },
    ],
    notes: [...NOTES, `A request that only brings the picture back takes ${empty} ms. Presets: ${each}.`],
  };
}

export const localEngine: Row = {
  number: 8,
  title: "local engine, 1 MP",
  reference: "sharp: decode, blur, encode",
  async measure(say) {
    say("building");
    sharp.concurrency(1);
    sharp.cache(false);
    const pictures = { person: await upload("person-astronaut.png"), garment: await upload("garment-tshirt.png") };
    const worker = await serve({ name: "engine", bundle: bundle("bench/workers/local-engine/wrangler.toml") });
    try {
      say(`${ROUNDS} rounds of sharp, ${STYLE_PRESET_IDS.length} presets and a try-on`);
      const found = findings(await measureAll(worker, pictures));
      return { ...found, facts: [await likeFor(worker, pictures)] };
    } finally {
      await worker.stop();
    }
  },
};
