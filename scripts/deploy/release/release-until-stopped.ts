/** A release before the fake account that would take minutes, as a process of its own: for the test of signals. */
import { soleVersions, startSurroundings } from "./fake-surroundings.ts";
import { release } from "./release.ts";
import { REAL_TOOLS } from "./run.ts";

const { account, analytics, options, tools, stop } = await startSurroundings();
const tell = (event: string) => process.stdout.write(`${JSON.stringify({ event, versions: soleVersions(account) })}\n`);
await release(options, tools);
tell("released");
analytics.traffic = () => ({ requests: 300 });
const env = { ...options.env, RELEASE_STEP: "10m", RELEASE_STEP_MAX: "10m" };
const say = (line: string) => {
  if (/watch \d+ %/.test(line)) tell("watching");
};
const { stopRequested } = REAL_TOOLS;
await release({ ...options, env, say }, { ...tools, stopRequested }).catch((error: Error) => tell(error.message));
await stop();
