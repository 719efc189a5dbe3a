/** The part of docs/cost.md that follows from the measurements, the prices and the model. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../stack-env.ts";
import { ASSUMPTIONS, type Assumptions, MEANING } from "./assumptions.ts";
import { type Measured, OPERATIONS, type OperationId } from "./measured.ts";
import { PLAN, PRICES, PROVIDERS, type Price, pictureDollars } from "./prices.ts";
import { type Answer, answerTo, dearest, fullText, LEFT_OUT, limitRows, linesOf, perEach } from "./report.ts";
import { markdownTable, money, short } from "./text.ts";
import type { Usage } from "./usage.ts";

export const DOC = join(ROOT, "docs/cost.md");
const START = "<!-- npm run cost -- --doc writes from here -->";
const END = "<!-- to here -->";
/** Months that are told of; each user makes so many conversions. */
const SCALES = [1_000, 100_000, 10_000_000];
const CONVERSIONS_EACH = 4;

const total = (values: Readonly<Record<string, number>>) =>
  Object.values(values).reduce((sum, value) => sum + value, 0);

const COLUMNS: readonly (readonly [string, (usage: Usage) => string])[] = [
  ["Requests", (usage) => short(usage.requests)],
  ["RPC", (usage) => short(usage.rpc)],
  ["CPU ms", ({ cpuMs }) => short(total(cpuMs))],
  ["DO requests", (usage) => short(usage.objectRequests)],
  ["DO rows r/w", (usage) => `${short(usage.objectRowsRead)} / ${short(usage.objectRowsWritten)}`],
  ["D1 trips", (usage) => short(usage.d1Trips)],
  ["D1 rows r/w", (usage) => `${short(usage.d1RowsRead)} / ${short(usage.d1RowsWritten)}`],
  ["R2 A/B", (usage) => `${short(usage.r2ClassA)} / ${short(usage.r2ClassB)}`],
  ["R2 bytes", (usage) => short(usage.r2BytesWritten)],
  ["Queue ops", (usage) => short(usage.queueOperations)],
  ["Images", (usage) => short(usage.transformations)],
  ["Log lines", (usage) => short(usage.logEvents)],
  ["Spans", (usage) => short(usage.spans)],
];

function operationTable({ operations }: Measured): string {
  const ids = Object.keys(OPERATIONS) as OperationId[];
  const rows = ids.map((id) => [OPERATIONS[id], ...COLUMNS.map(([, cell]) => cell(operations[id]))]);
  return markdownTable([["Operation", ...COLUMNS.map(([name]) => name)], ...rows]);
}

function cpuTable({ operations }: Measured): string {
  const ids = Object.keys(OPERATIONS) as OperationId[];
  const cells = ({ cpuMs: { api, consumer, hasher, tail } }: Usage) => [api, consumer, hasher, tail].map(short);
  const rows = ids.map((id) => [OPERATIONS[id], ...cells(operations[id])]);
  return markdownTable([["CPU ms of", "api", "consumer", "hasher", "tail"], ...rows]);
}

function priceTable(): string {
  const rows = Object.values<Price>(PRICES).map(({ product, line, unit, included, dollars, per, source }) => {
    const many = (amount: number) => (unit === "bytes" ? `${short(amount)}B` : `${short(amount)} ${unit}`);
    return [`[${product}](${source}): ${line}`, many(included), `$${dollars} for ${many(per)}`];
  });
  const plan = [`[Workers](${PLAN.source}): plan`, "", `$${PLAN.dollars}`];
  const pictures = PROVIDERS.map((provider) => [`A picture by ${provider}`, "", money(pictureDollars(provider))]);
  return markdownTable([["Price", "Included a month", "Then"], plan, ...rows, ...pictures]);
}

function assumptionTable(): string {
  const names = Object.keys(ASSUMPTIONS) as (keyof Assumptions)[];
  const flag = (name: string) => `\`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}\``;
  const rows = names.map((name) => [flag(name), String(ASSUMPTIONS[name]), MEANING[name]]);
  return markdownTable([["Flag", "Assumed", "Meaning"], ...rows], 3);
}

function scaleText(answer: Answer): string {
  const { question, invoice, limits, monthsUntilD1IsFull } = answer;
  return `### ${short(question.users)} users

${short(question.conversions)} conversions in the month, ${CONVERSIONS_EACH} a user, by the local engine.

${markdownTable(linesOf(invoice))}

${perEach(answer)}. Dearest: ${dearest(invoice)}. ${fullText(monthsUntilD1IsFull)}.

${markdownTable(limitRows(limits), 2)}`;
}

function providerTable(measured: Measured): string {
  const rows = PROVIDERS.map((provider) => [
    provider,
    ...SCALES.map((users) => {
      const question = { users, conversions: users * CONVERSIONS_EACH };
      const { invoice } = answerTo(measured, question, { ...ASSUMPTIONS, provider });
      return `${money(invoice.dollars)} (${money(invoice.dollars / question.conversions)} a conversion)`;
    }),
  ]);
  return markdownTable([["Provider", ...SCALES.map((users) => `${short(users)} users`)], ...rows]);
}

/** All that is written between the marks. */
export function generated(measured: Measured): string {
  const answers = SCALES.map((users) =>
    answerTo(measured, { users, conversions: users * CONVERSIONS_EACH }, ASSUMPTIONS),
  );
  return [
    `## What an operation uses\n\nMeasured on ${measured.on} (${measured.machine}); the CPU time is an estimate.`,
    operationTable(measured),
    cpuTable(measured),
    `A batch of metrics is one request to a shard and ${measured.flush.objectRowsWritten} rows written. A user's sessions take ${short(measured.sessionBytes)}B in their object.`,
    "## Assumptions",
    assumptionTable(),
    "## Prices",
    priceTable(),
    "## What a month costs",
    providerTable(measured),
    ...answers.map(scaleText),
    `Not in it:\n\n${LEFT_OUT.map((what) => `- ${what}`).join("\n")}`,
  ].join("\n\n");
}

/** The document with its generated part renewed. @throws {Error} where it has no marks. */
export function renewed(text: string, measured: Measured): string {
  const [before, rest] = text.split(START);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error("docs/cost.md has lost its marks");
  return `${before}${START}\n\n${generated(measured)}\n\n${END}${after}`;
}

export const readDoc = () => readFileSync(DOC, "utf8");
