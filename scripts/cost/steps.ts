/** The operations of a user, in the order in which he takes them. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ROOT } from "../stack-env.ts";
import type { OperationId } from "./measured.ts";
import { type Output, Person, photo } from "./people.ts";
import type { Rig } from "./rig.ts";

const SAMPLE = join(ROOT, "samples/person-astronaut.png");
/** One megapixel, and what a telephone makes. */
const SMALL = { width: 1_155, height: 866 };
const LARGE = { width: 4_032, height: 3_024 };
const END_TIMEOUT_MS = 60_000;

export interface Photos {
  readonly small: Uint8Array<ArrayBuffer>;
  readonly large: Uint8Array<ArrayBuffer>;
}

/** What a user has by now. */
export interface Journey {
  readonly person: Person;
  readonly photos: Photos;
  readonly expire: (image: string) => Promise<void>;
  image: string;
  largeImage: string;
  conversion: string;
  output: Output | null;
}

type Need = "account" | "image" | "largeImage" | "result";

export interface Step {
  readonly id: OperationId;
  /** What the consumer does of it, which counts as an operation of its own. */
  readonly job?: OperationId;
  /** What the user must have before. */
  readonly needs: readonly Need[];
  /** Whether pictures are decoded. */
  readonly isHeavy: boolean;
  readonly run: (journey: Journey) => Promise<unknown>;
}

export async function takePhotos(): Promise<Photos> {
  const [small, large] = await Promise.all([SMALL, LARGE].map(({ width, height }) => photo(SAMPLE, width, height)));
  if (small === undefined || large === undefined) throw new Error("there are no photos");
  return { small, large };
}

export function newJourney(rig: Rig, photos: Photos): Journey {
  const person = new Person(rig.url, rig.sms);
  const expire = (image: string) => rig.expire(image);
  return { person, photos, expire, image: "", largeImage: "", conversion: "", output: null };
}

async function upload(journey: Journey): Promise<void> {
  journey.image = await journey.person.upload(journey.photos.small);
}

async function uploadLarge(journey: Journey): Promise<void> {
  journey.largeImage = await journey.person.upload(journey.photos.large);
}

async function convert(journey: Journey, provider: string, image: "image" | "largeImage"): Promise<void> {
  journey.conversion = await journey.person.convert(journey[image], provider);
}

async function poll(journey: Journey): Promise<void> {
  journey.output = (await journey.person.conversion(journey.conversion)).output;
}

async function waitForEnd(journey: Journey): Promise<void> {
  for (const deadline = Date.now() + END_TIMEOUT_MS; Date.now() < deadline; await sleep(100)) {
    await poll(journey);
    if (journey.output !== null) return;
  }
  throw new Error("a conversion did not succeed in time");
}

async function download({ person, output }: Journey, which: "url" | "thumbnailUrl"): Promise<void> {
  if (output === null) throw new Error("there is no result to download");
  await person.fetch("GET", output[which]);
}

const NEEDS: Readonly<Record<Need, (journey: Journey) => Promise<void>>> = {
  account: ({ person }) => person.signUp(),
  image: upload,
  largeImage: uploadLarge,
  async result(journey) {
    await convert(journey, "gemini", "image");
    await waitForEnd(journey);
  },
};

/** Takes a new user as far as this step needs. */
export async function prepare(journey: Journey, { needs }: Step): Promise<void> {
  for (const need of needs) await NEEDS[need](journey);
}

function step(id: OperationId, needs: readonly Need[], run: Step["run"], isHeavy = false): Step {
  return { id, needs, run, isHeavy };
}

function conversion(job: OperationId, provider: string, image: "image" | "largeImage"): Step {
  return { ...step("create", ["account", image], (journey) => convert(journey, provider, image), true), job };
}

const WITH_RESULT = ["account", "image", "result"] as const;

export const STEPS: readonly Step[] = [
  step("signUp", [], ({ person }) => person.signUp()),
  step("login", ["account"], ({ person }) => person.login()),
  step("refresh", ["account"], ({ person }) => person.refresh()),
  step("upload", ["account"], upload, true),
  step("uploadLarge", ["account"], uploadLarge, true),
  conversion("jobLocalLarge", "local", "largeImage"),
  conversion("jobGeminiLarge", "gemini", "largeImage"),
  conversion("jobLocal", "local", "image"),
  conversion("jobGemini", "gemini", "image"),
  step("poll", WITH_RESULT, poll),
  step("list", WITH_RESULT, ({ person }) => person.ask("GET", "/api/conversions")),
  step("usage", ["account"], ({ person }) => person.ask("GET", "/api/users/me/usage")),
  step("download", WITH_RESULT, (journey) => download(journey, "url")),
  step("downloadThumbnail", WITH_RESULT, (journey) => download(journey, "thumbnailUrl")),
  step("deleteConversion", WITH_RESULT, ({ person, conversion: id }) => person.ask("DELETE", `/api/conversions/${id}`)),
  // Its work is the next sweep's.
  step("retention", ["account", "image"], ({ expire, image }) => expire(image)),
  step("deleteImage", ["account", "largeImage"], ({ person, largeImage: id }) =>
    person.ask("DELETE", `/api/images/${id}`),
  ),
];
