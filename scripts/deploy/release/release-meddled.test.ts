import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeRefusal } from "../fake/fake-cloudflare.ts";
import { activeDeployment } from "../fake/state.ts";
import { wrangler } from "../wrangler.ts";
import { isNew, released, type Surroundings, scriptOf, soleVersions, startSurroundings } from "./fake-surroundings.ts";
import { release, rollback } from "./release.ts";
import type { ReleaseTools } from "./run.ts";

const CONSUMER = "ai-styler-consumer";
const TAIL = "ai-styler-tail";
const FOREIGN = "of-somebody-else";

let here: Surroundings;
let old: readonly (string | null)[];
beforeEach(async () => {
  here = await startSurroundings();
  old = await released(here);
  here.analytics.traffic = () => ({ requests: 300 });
});
afterEach(async () => {
  await here.stop();
  expect(here.cloudflare.unknown).toEqual([]);
});

/** Somebody deploys another version of the consumer when the release says this. */
function optionsMeddledAt(word: string): Surroundings["options"] {
  const { deployments } = scriptOf(here.account, CONSUMER);
  const { say } = here.options;
  return {
    ...here.options,
    say(line) {
      say(line);
      const last = deployments.at(-1);
      if (!line.includes(word) || last === undefined || last.versions[0]?.version_id === FOREIGN) return;
      const versions = [{ version_id: FOREIGN, percentage: 100 }];
      deployments.push({ ...last, annotations: {}, versions, createdAt: here.account.now().toISOString() });
    },
  };
}

describe("what somebody else deploys during a release", () => {
  it.each(["watch 10 %", "watch 50 %", "give the new versions all traffic"])(
    "at '%s' stays, and the release ends",
    async (word) => {
      await expect(release(optionsMeddledAt(word), here.tools)).rejects.toThrow(
        /somebody deployed another version of ai-styler-consumer while[\s\S]*ai-styler-consumer could NOT be taken back/,
      );
      expect(soleVersions(here.account)).toEqual([old[0], old[1], FOREIGN, old[3]]);
    },
  );

  it("stays a rollback, even when the release is about to give all traffic", async () => {
    let isRolledBack = false;
    const tools: ReleaseTools = {
      ...here.tools,
      async wrangler(access, args) {
        const done = await here.tools.wrangler(access, args);
        if (args[1] === "deploy" && !isRolledBack) {
          isRolledBack = true;
          await rollback(here.options, here.tools);
        }
        return done;
      },
    };
    await expect(release(here.options, tools)).rejects.toThrow(/somebody took ai-styler-hasher back/);
    expect(soleVersions(here.account)).toEqual(old);
  });
});

describe("the command that is told for a Worker that could not be taken back", () => {
  it("brings its old version, and none of another Worker's settings", { timeout: 60_000 }, async () => {
    here.production.breaks = ({ id }) => isNew(id, old);
    const say = (line: string) => {
      if (line.startsWith("FAILED"))
        here.cloudflare.failNext("POST", /tail\/deployments$/, new FakeRefusal(403, 10_000, "not allowed"));
    };
    const told = await release({ ...here.options, say }, here.tools).catch((error: Error) => error.message);
    const command = /by hand: npx wrangler (.*)/.exec(String(told))?.[1]?.split(" ") ?? [];
    const { access } = here.options;
    if (access === null) throw new Error("the surroundings have an account");
    await wrangler(access, command);
    const tail = scriptOf(here.account, TAIL);
    expect(activeDeployment(tail)?.versions).toEqual([{ version_id: old[0], percentage: 100 }]);
    expect(tail.tailConsumers).toEqual([]);
    expect(here.cloudflare.calls.filter((call) => call.startsWith("PATCH "))).toEqual([]);
  });
});
