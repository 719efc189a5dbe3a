/** A strict reader of Prometheus' text format 0.0.4, which takes nothing that a writer has no need to write. */

export interface Sample {
  readonly name: string;
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

const NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y;
/** A finite decimal number, as Go's ParseFloat takes it. */
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/;
const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\", n: "\n", '"': '"' };

function nameAt(line: string, at: number): string {
  NAME.lastIndex = at;
  const [name] = NAME.exec(line) ?? [];
  if (name === undefined) throw new Error(`no name at ${at} of ${line}`);
  return name;
}

/** The text behind a quotation mark at `at - 1`, and where it ends. */
function quotedAt(line: string, at: number): { readonly text: string; readonly end: number } {
  let text = "";
  for (let i = at; i < line.length; i++) {
    const char = line.charAt(i);
    if (char === '"') return { text, end: i + 1 };
    if (char !== "\\") text += char;
    else {
      const escaped = ESCAPES[line.charAt(++i)];
      if (escaped === undefined) throw new Error(`an unknown escape at ${i} of ${line}`);
      text += escaped;
    }
  }
  throw new Error(`an open quotation: ${line}`);
}

function parseSample(line: string): Sample {
  const name = nameAt(line, 0);
  const labels: [string, string][] = [];
  let at = name.length;
  if (line.charAt(at) === "{") {
    do {
      const label = nameAt(line, at + 1);
      at += 1 + label.length;
      if (line.slice(at, at + 2) !== '="') throw new Error(`no value at ${at} of ${line}`);
      const { text, end } = quotedAt(line, at + 2);
      labels.push([label, text]);
      at = end;
    } while (line.charAt(at) === ",");
    if (line.charAt(at++) !== "}") throw new Error(`no end of labels at ${at} of ${line}`);
  }
  const number = line.slice(at + 1);
  if (line.charAt(at) !== " " || !NUMBER.test(number)) throw new Error(`no number at ${at} of ${line}`);
  return { name, labels, value: Number(number) };
}

/** @throws {Error} on anything out of form or order, and on a series that is there twice. */
export function parseExposition(text: string): Family[] {
  if (!text.endsWith("\n")) throw new Error("no newline at the end");
  if (!text.isWellFormed() || text.includes("\u0000")) throw new Error("no text that can be sent");
  const families: (Family & { samples: Sample[] })[] = [];
  const seen = new Set<string>();
  const lines = text.slice(0, -1).split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    const [, name, help = ""] = /^# HELP (\w+) (.+)$/.exec(line) ?? [];
    if (name !== undefined) {
      const [, typed, type = ""] = /^# TYPE (\w+) (counter|gauge|histogram)$/.exec(lines[++i] ?? "") ?? [];
      if (typed !== name || seen.has(name)) throw new Error(`HELP without its TYPE, or again: ${line}`);
      seen.add(name);
      families.push({ name, help, type, samples: [] });
      continue;
    }
    const sample = parseSample(line);
    const family = families.at(-1);
    const isOf = family?.type === "histogram" ? /^_(bucket|sum|count)$/ : /^$/;
    if (!family || !sample.name.startsWith(family.name) || !isOf.test(sample.name.slice(family.name.length))) {
      throw new Error(`not of the family above: ${line}`);
    }
    const series = JSON.stringify([sample.name, [...sample.labels].sort()]);
    if (seen.has(series)) throw new Error(`there twice: ${line}`);
    seen.add(series);
    family.samples.push(sample);
  }
  return families;
}
