/** What a PromQL expression speaks of, as far as it must be checked against the registry of metrics. */

export interface MetricMention {
  readonly metric: string;
  /** Those it is selected by. */
  readonly labels: readonly string[];
}

export interface Mentions {
  readonly metrics: readonly MetricMention[];
  /** Those it is added up or matched by. */
  readonly groupedBy: readonly string[];
}

const STRINGS = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`/g;
const RANGES = /\[[^\]]*\]|\boffset\s+-?\w+/g;
const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;
const SELECTOR = /([a-zA-Z_:][\w:]*)\s*(\{[^}]*\}|\()?/g;
const WORDS = new Set(["and", "or", "unless", "bool", "inf", "nan"]);

const namesIn = (list: string) => list.split(",").flatMap((name) => name.trim() || []);

export function mentionsOf(expression: string): Mentions {
  const bare = expression.replace(STRINGS, '""').replace(RANGES, "");
  const groupedBy = Array.from(bare.matchAll(GROUPING), ([, list = ""]) => namesIn(list)).flat();
  const metrics: MetricMention[] = [];
  for (const [, name = "", after = ""] of bare.replace(GROUPING, "").matchAll(SELECTOR)) {
    if (after === "(" || WORDS.has(name.toLowerCase())) continue;
    const labels = Array.from(after.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g), ([, label = ""]) => label);
    metrics.push({ metric: name, labels });
  }
  return { metrics, groupedBy };
}
