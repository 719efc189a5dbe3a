/** `npm run cost`: what a month of the service costs, by what its operations were measured to use. */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { ASSUMPTIONS, type Assumptions, MEANING } from "./assumptions.ts";
import { DOC, readDoc, renewed } from "./doc.ts";
import { readMeasured, writeMeasured } from "./measured.ts";
import { PROVIDERS, type Provider } from "./prices.ts";
import { answerTo, reportOf } from "./report.ts";

type NumberName = Exclude<keyof Assumptions, "provider">;
const NUMBERS = Object.keys(ASSUMPTIONS).filter((name) => name !== "provider") as NumberName[];

const flagOf = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const USAGE = `npm run cost -- --users N --conversions M [flags]

  --users N          users who are active in the month
  --conversions M    conversions in the month, of all of them
  --json             the same as JSON
  --measure          measures the operations anew, into scripts/cost/measured.json; takes some minutes
  --doc              renews docs/cost.md

What is assumed, and can be given otherwise:
${[...NUMBERS.map((name) => `  --${flagOf(name).padEnd(20)} ${String(ASSUMPTIONS[name]).padEnd(6)} ${MEANING[name]}`)].join("\n")}
  --${"provider".padEnd(20)} ${ASSUMPTIONS.provider.padEnd(6)} ${MEANING.provider}
`;

class UsageError extends Error {}

/** @throws {UsageError} for what is no number from 0 up. */
function numberOf(flag: string, text: string | undefined): number {
  if (text === undefined) throw new UsageError(`--${flag} is missing`);
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0) {
    throw new UsageError(`--${flag} must be a number from 0 up, not ${JSON.stringify(text)}`);
  }
  return value;
}

function shareOf(name: NumberName, value: number): number {
  if ((name === "largePhotos" || name === "signUpShare") && value > 1) {
    throw new UsageError(`--${flagOf(name)} is a part: a number from 0 to 1`);
  }
  return value;
}

function isProvider(text: string): text is Provider {
  return (PROVIDERS as readonly string[]).includes(text);
}

function assumptionsOf(values: Readonly<Record<string, unknown>>): Assumptions {
  const { provider = ASSUMPTIONS.provider } = values;
  if (typeof provider !== "string" || !isProvider(provider)) {
    throw new UsageError(`--provider must be one of ${PROVIDERS.join(", ")}`);
  }
  const given = NUMBERS.flatMap((name) => {
    const text = values[flagOf(name)];
    return typeof text === "string" ? [[name, shareOf(name, numberOf(flagOf(name), text))] as const] : [];
  });
  const assumptions = { ...ASSUMPTIONS, ...Object.fromEntries(given), provider };
  if (assumptions.isolateRequests === 0) throw new UsageError("--isolate-requests must be more than 0");
  return assumptions;
}

function readOptions() {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const numbers = Object.fromEntries(NUMBERS.map((name) => [flagOf(name), text]));
  const options = { users: text, conversions: text, provider: text, json: flag, measure: flag, doc: flag, help: flag };
  return parseArgs({ options: { ...numbers, ...options } }).values;
}

async function main(): Promise<void> {
  const values = readOptions();
  if (values.help) return void process.stdout.write(USAGE);
  if (values.measure) {
    // Miniflare and all that comes with it, for this alone.
    const { measure } = await import("./measure.ts");
    writeMeasured(await measure((line) => process.stderr.write(`${line}\n`)));
  }
  if (values.doc) writeFileSync(DOC, renewed(readDoc(), readMeasured()));
  if ((values.measure || values.doc) && values.users === undefined) return;
  const question = {
    users: numberOf("users", values.users),
    conversions: numberOf("conversions", values.conversions),
  };
  const answer = answerTo(readMeasured(), question, assumptionsOf(values));
  process.stdout.write(values.json ? `${JSON.stringify(answer, null, 2)}\n` : reportOf(answer));
}

try {
  await main();
  process.exit(0);
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  if (!(error instanceof UsageError) && !code?.startsWith("ERR_PARSE_ARGS")) throw error;
  process.stderr.write(`${message}\n\n${USAGE}`);
  process.exit(1);
}
