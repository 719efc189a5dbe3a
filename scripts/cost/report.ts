/** What a month costs, told on a terminal. */
import type { Assumptions } from "./assumptions.ts";
import { type Limit, limitsOf, monthsUntilFull } from "./limits.ts";
import type { Measured } from "./measured.ts";
import { type Invoice, invoiceOf, type Line, type Month, monthOf, type Question } from "./model.ts";
import { money, percent, plainTable, short } from "./text.ts";

export interface Answer {
  readonly question: Question;
  readonly assumptions: Assumptions;
  readonly month: Month;
  readonly invoice: Invoice;
  readonly limits: readonly Limit[];
  /** Infinite, and null in JSON, where it never is full. */
  readonly monthsUntilD1IsFull: number;
}

export function answerTo(measured: Measured, question: Question, assumptions: Assumptions): Answer {
  const month = monthOf(measured, question, assumptions);
  return {
    question,
    assumptions,
    month,
    invoice: invoiceOf(month, assumptions),
    limits: limitsOf(measured, month, assumptions),
    monthsUntilD1IsFull: monthsUntilFull(month),
  };
}

/** What the figures don't hold. */
export const LEFT_OUT = [
  "failures: retries, dead letters, a fallback to another provider, requests that are refused, attacks",
  "text messages, unless `--sms-dollars` says what one costs, and all that is not Cloudflare's or the provider's: Loki, Sentry, Grafana, a domain, people",
  "rows that housekeeping deletes later: old codes, proofs, idempotency records, records of provider calls",
  "how rows read grow with history: measured with few rows in each table; every query has an index for its use",
  "how long a job waits for D1, R2 and Images, while it holds its place",
  "Workers starting up, and CPU time as Cloudflare counts it on its own machines",
  "taxes, support plans, and prices agreed with Cloudflare, which are usual long before 10 M users",
];

function amountOf({ amount, unit }: Line): string {
  return unit === "bytes" ? `${short(amount)}B` : `${short(amount)} ${unit}`;
}

/** The lines with a price, and all others that are used, as cells. */
export function linesOf({ lines, dollars: total }: Invoice): readonly (readonly string[])[] {
  const rows = lines
    .filter(({ amount }) => amount > 0)
    .map((line) => {
      const { product, line: name, dollars, isAnnounced } = line;
      const share = isAnnounced ? "not asked yet" : percent(dollars / total);
      return [`${product}: ${name}`, amountOf(line), money(dollars), share];
    });
  return [["Line", "Used in the month", "Dollars", "Share"], ...rows, ["Total", "", money(total), "100 %"]];
}

export function perEach({ question: { users, conversions }, invoice: { dollars } }: Answer): string {
  const user = users > 0 ? `${money(dollars / users)} a user` : "no users";
  return conversions > 0 ? `${user}, ${money(dollars / conversions)} a conversion` : user;
}

/** The three dearest lines. */
export function dearest({ lines, dollars: total }: Invoice): string {
  return lines
    .filter(({ isAnnounced, dollars }) => !isAnnounced && dollars > 0)
    .toSorted((a, b) => b.dollars - a.dollars)
    .slice(0, 3)
    .map(({ product, line, dollars }) => `${product}: ${line} (${percent(dollars / total)})`)
    .join(", ");
}

export function limitRows(limits: readonly Limit[]): readonly (readonly string[])[] {
  const rows = limits.map(({ name, value, limit, unit, then }) => {
    return [name, `${short(value)} of ${short(limit)} ${unit}`, percent(value / limit), value >= limit ? then : ""];
  });
  return [["Limit", "At the busiest minute", "Used", "What must change"], ...rows];
}

export function fullText(months: number): string {
  if (months === 0) return "D1 can't hold so many users";
  if (months > 1_200) return "D1 isn't full in a hundred years";
  return months < 1 ? "D1 is full within the first month" : `D1 is full after ${short(months)} such months`;
}

export function reportOf(answer: Answer): string {
  const { question, invoice, limits, assumptions, monthsUntilD1IsFull } = answer;
  const left = LEFT_OUT.map((what) => `  - ${what}`).join("\n");
  return `${short(question.users)} users a month, ${short(question.conversions)} conversions a month of them all, provider ${assumptions.provider}

${plainTable(linesOf(invoice))}

${perEach(answer)}
Dearest: ${dearest(invoice)}

${plainTable(limitRows(limits))}

${fullText(monthsUntilD1IsFull)}; the bill is of month ${assumptions.ageMonths}.

Not in it:
${left}
`;
}
