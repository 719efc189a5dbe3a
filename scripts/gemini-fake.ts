/** `npm run dev:gemini-fake`: Google's image API on this machine, for a service that has no key. */
import { parseArgs } from "node:util";
import { type GeminiCall, type GeminiFake, startGeminiFake } from "../src/providers/gemini/fake.ts";
import { CHAOS_KINDS, type Chaos, checkChaos } from "../src/providers/gemini/fake-chaos.ts";
import type { WireResponse } from "../src/providers/http-fake.ts";
import { stopRequested } from "./stop-requested.ts";

const USAGE = `npm run dev:gemini-fake [-- --fail unavailable:0.3,hang:0.1] [--latency 2000] [--seed 7]

  PORT       in the environment, 8788 if not given
  --fail     what goes wrong at random, and how often: ${CHAOS_KINDS.join(", ")}
  --latency  milliseconds before each answer
  --seed     of chance
`;

class UsageError extends Error {}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function wholeNumber(name: string, text: string, max: number): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) > max) throw new UsageError(`${name} must be a number up to ${max}`);
  return Number(text);
}

function readChaos(text: string): Chaos {
  const shares = text.split(",").map((part) => {
    const [kind = "", share = ""] = part.trim().split(":");
    return [kind, share === "" ? Number.NaN : Number(share)] as const;
  });
  try {
    return checkChaos(Object.fromEntries(shares));
  } catch (error) {
    throw new UsageError(`--fail: ${(error as Error).message}`);
  }
}

function readOptions() {
  const flag = { type: "string" } as const;
  const { values } = parseArgs({ options: { fail: flag, latency: flag, seed: flag, help: { type: "boolean" } } });
  if (values.help) throw new UsageError("");
  return {
    port: wholeNumber("PORT", process.env.PORT || "8788", 65_535),
    latencyMs: wholeNumber("--latency", values.latency ?? "0", 600_000),
    seed: wholeNumber("--seed", values.seed ?? "1", 999_999_999),
    chaos: values.fail === undefined ? {} : readChaos(values.fail),
  };
}

/** Google's sentence out of its error. */
function sentenceOf({ status, body }: WireResponse): string {
  const { error } = JSON.parse(body) as { error: { message: string } };
  return `${status} ${error.message.replace(/\s+/g, " ").trim()}`;
}

function logCall(call: GeminiCall | null, refusal: WireResponse | null): void {
  const at = new Date().toISOString().slice(11, 23);
  if (call === null) {
    say(`${at}  refused, as Google would have done${refusal === null ? "" : `: ${sentenceOf(refusal)}`}`);
    return;
  }
  const pictures = call.pictures.map(({ mime, bytes }) => `${mime.slice(6)} ${Math.ceil(bytes / 1024)} KB`).join(" + ");
  say(`${at}  ${call.model}  ${pictures}  → ${call.script}`);
}

function announce({ url, apiKey }: GeminiFake, chaos: Chaos): void {
  const failures = Object.entries(chaos).map(([kind, share]) => `${kind} ${Math.round(share * 100)} %`);
  say(`
  A fake of Google's image API answers at ${url}${failures.length > 0 ? `; it fails: ${failures.join(", ")}` : ""}

    Service   GEMINI_API_KEY=${apiKey} GEMINI_BASE_URL=${url} npm run dev
    Calls     curl ${url}/__fake/calls
    Script    curl ${url}/__fake/script --json '["unavailable", "finish:IMAGE_SAFETY", "ok"]'
    Failures  curl ${url}/__fake/chaos --json '{"unavailable": 0.3}'

  Ctrl-C stops it.
`);
}

try {
  const requested = stopRequested();
  const options = readOptions();
  const fake = await startGeminiFake({ ...options, onCall: logCall });
  announce(fake, options.chaos);
  await requested;
  await fake.close();
  process.exit(0);
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  if (!(error instanceof UsageError) && code !== "EADDRINUSE" && !code?.startsWith("ERR_PARSE_ARGS")) throw error;
  process.stderr.write(`${message}\n\n${USAGE}`);
  process.exit(1);
}
