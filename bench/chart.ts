/** A run's results as a picture for the README: each figure as its distance to its mark. */
import { markText, short } from "./report.ts";
import type { Results } from "./report-results.ts";

const WIDTH = 960;
const TOP = 92;
const BAR_HEIGHT = 16;
const STEP = 28;
const LABEL_END = 430;
const PLOT = { from: 442, to: 730 };
/** Of the mark, at the end of the plot; bars that are longer end there, in an arrow. */
const LONGEST = 2;
const LABEL_LENGTH = 62;

export interface Bar {
  readonly label: string;
  /** The figure and its mark in words. */
  readonly text: string;
  /** 1 is the mark, 2 is twice as good, 0.5 half as good; the same for marks that say "at most". */
  readonly score: number;
  /** The quartiles, where there are several figures. */
  readonly between: readonly [number, number] | null;
  readonly reached: boolean;
}

/** Everything that promises something, in order. */
export function bars({ rows }: Results): Bar[] {
  return rows.flatMap(({ number, comparisons, figures }) => [
    ...comparisons.flatMap(({ what, ratio, mark, reached }): Bar[] => {
      if (mark === null || reached === null) return [];
      const score = (value: number) => (mark.kind === "at least" ? value / mark.ratio : mark.ratio / value);
      const [worse, better] = [score(ratio.low), score(ratio.high)].toSorted((a, b) => a - b) as [number, number];
      const text = `${ratio.median.toFixed(2)}× (${markText(mark, String(mark.ratio))})`;
      return [{ label: `${number}  ${what}`, text, score: score(ratio.median), between: [worse, better], reached }];
    }),
    ...figures.flatMap(({ what, unit, value, mark, reached }): Bar[] => {
      if (mark === null || reached === null) return [];
      const score = mark.kind === "at least" ? value / mark.value : mark.value / value;
      const text = `${short(value)} ${unit} (${markText(mark, String(mark.value))})`;
      return [{ label: `${number}  ${what}`, text, score, between: null, reached }];
    }),
  ]);
}

const STYLE = `
  svg { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; background: #ffffff }
  .ground { fill: #ffffff } text { fill: #1f2328 } .faint { fill: #59636e } .title { font-size: 18px; font-weight: 600 }
  .reached { fill: #1a7f5a } .missed { fill: #c4432b } .mark { stroke: #1f2328 } .grid { stroke: #d1d9e0 }
  .quartiles { stroke: #1f2328; stroke-opacity: 0.55 }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117 }
    .ground { fill: #0d1117 } text { fill: #f0f6fc } .faint { fill: #9198a1 }
    .reached { fill: #3fb68b } .missed { fill: #f0745c } .mark { stroke: #f0f6fc } .grid { stroke: #3d444d }
    .quartiles { stroke: #f0f6fc }
  }
`;

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (text: string) => text.replace(/[&<>"]/g, (sign) => ENTITIES[sign] ?? sign);
const cut = (text: string) => (text.length > LABEL_LENGTH ? `${text.slice(0, LABEL_LENGTH - 1).trimEnd()}…` : text);

/** Where a score is drawn, within the plot. */
function place(score: number): number {
  const share = Math.min(Math.max(score, 0), LONGEST) / LONGEST;
  return Math.round((PLOT.from + share * (PLOT.to - PLOT.from)) * 10) / 10;
}

function barShape(score: number, y: number, kind: string): string {
  const end = place(score);
  const tip = score > LONGEST ? ` L${end + 8} ${y + BAR_HEIGHT / 2}` : "";
  return `<path class="${kind}" d="M${PLOT.from} ${y} H${end}${tip} L${end} ${y + BAR_HEIGHT} H${PLOT.from} Z"/>`;
}

function line({ label, text, score, between, reached }: Bar, index: number): string {
  const y = TOP + index * STEP;
  const base = y + BAR_HEIGHT - 3;
  const kind = reached ? "reached" : "missed";
  const middle = y + BAR_HEIGHT / 2;
  const whisker =
    between === null
      ? ""
      : `<path class="quartiles" stroke-width="2" d="M${place(between[0])} ${middle} H${place(between[1])}"/>`;
  return [
    "<g>",
    `<title>${escaped(`${label}: ${text}, ${kind}`)}</title>`,
    `<text x="${LABEL_END}" y="${base}" text-anchor="end">${escaped(cut(label))}</text>`,
    barShape(score, y, kind),
    whisker,
    `<text class="${kind}" x="${PLOT.to + 16}" y="${base}" font-weight="700">${reached ? "✓" : "✗"}</text>`,
    `<text x="${PLOT.to + 34}" y="${base}">${escaped(text)}</text>`,
    "</g>",
  ].join("");
}

function grid(bottom: number): string {
  const upright = (score: number, kind: string, width: number) =>
    `<path class="${kind}" stroke-width="${width}" d="M${place(score)} ${TOP - 8} V${bottom}"/>`;
  const name = (score: number, text: string) =>
    `<text class="faint" font-size="11" x="${place(score)}" y="${TOP - 14}" text-anchor="middle">${text}</text>`;
  const names = name(0.5, "half as good") + name(1, "the mark") + name(1.5, "1.5×") + name(2, "twice as good");
  return upright(0.5, "grid", 1) + upright(1.5, "grid", 1) + upright(2, "grid", 1) + upright(1, "mark", 1.5) + names;
}

/** An SVG that needs no script and no font of its own, and is legible on light and on dark pages. */
export function chart(results: Results): string {
  const lines = bars(results);
  const bottom = TOP + lines.length * STEP - 4;
  const height = bottom + 34;
  const { cpu, cores, node } = results.machine;
  const missed = lines.filter(({ reached }) => !reached).length;
  const count = missed === 0 ? "all marks are reached" : `${missed} of ${lines.length} marks are missed`;
  const subtitle = `${results.startedAt.slice(0, 10)} · ${cpu} · ${cores} cores · Node ${node} · ${count}`;
  const legend =
    "Bars are medians, the line in them spans the quartiles; past the mark is better, whichever way it counts.";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Benchmark: ${escaped(count)}">
<style>${STYLE}</style>
<rect class="ground" width="${WIDTH}" height="${height}"/>
<text class="title" x="24" y="34">What the service costs beside its references</text>
<text class="faint" x="24" y="54">${escaped(subtitle)}</text>
${[grid(bottom), ...lines.map(line)].join("\n")}
<text class="faint" font-size="11" x="24" y="${height - 12}">${legend}</text>
</svg>
`;
}
