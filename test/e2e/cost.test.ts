import { afterAll, beforeAll, expect, it } from "vitest";
import { finish, idleMinute, sample } from "../../scripts/cost/measure.ts";
import { readMeasured } from "../../scripts/cost/measured.ts";
import { Rig } from "../../scripts/cost/rig.ts";
import { type Journey, newJourney, prepare, STEPS, type Step, takePhotos } from "../../scripts/cost/steps.ts";
import { COUNTED_NAMES, type Counted } from "../../scripts/cost/usage.ts";

const CHECKED = ["signUp", "upload", "jobGemini", "poll"];
/** These differ a little: with the length of a number in the log, with a picture, with how many rows a user has. */
const ABOUT: readonly (keyof Counted)[] = ["logBytes", "r2BytesWritten", "d1RowsRead"];
const TOLERANCE = 0.1;
/** An object that was not asked for ten seconds leaves memory, and reads its rows anew: a few statements. */
const READ_ANEW: readonly (keyof Counted)[] = ["objectRowsRead", "spans"];
const FEW = 4;

const measured = readMeasured();
const checked = STEPS.filter(({ id, job }) => CHECKED.includes(job ?? id));
const conversion = checked.find(({ job }) => job !== undefined) as Step;
let rig: Rig;
let idle: Counted;
let journey: Journey;

/** What is used otherwise than it was measured, as `name: measured → now`. */
function drift(before: Counted, now: Counted): string[] {
  const isSame = (name: keyof Counted) => {
    const most = ABOUT.includes(name) ? TOLERANCE * before[name] : READ_ANEW.includes(name) ? FEW : 0;
    return Math.abs(now[name] - before[name]) <= most;
  };
  return COUNTED_NAMES.filter((name) => !isSame(name)).map((name) => `${name}: ${before[name]} → ${now[name]}`);
}

beforeAll(async () => {
  rig = await Rig.start({ inspect: false });
  const photos = await takePhotos();
  // Whoever is first, of all or at something, meets what nobody has used.
  const first = newJourney(rig, photos);
  await prepare(first, conversion);
  await conversion.run(first);
  idle = await idleMinute(rig);
  journey = newJourney(rig, photos);
});

afterAll(() => rig?.stop());

it("a minute with nothing to do uses what scripts/cost/measured.json says", () => {
  expect(drift(measured.operations.minute, idle)).toEqual([]);
});

it.each(checked.map((step) => [step.job ?? step.id, step] as const))(
  "%s uses what scripts/cost/measured.json says (`npm run cost -- --measure --doc` after a change that is meant)",
  async (_name, step) => {
    if (step.job !== undefined) {
      await step.run(journey);
      await finish(rig);
    }
    for (const { id, counted } of await sample(rig, step, journey, idle)) {
      expect({ id, drift: drift(measured.operations[id], counted) }).toEqual({ id, drift: [] });
    }
  },
);
