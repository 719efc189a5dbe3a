/** Numbers and tables as people read them. */
const STEPS = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
] as const;

/** Three digits: `1.23 M`, `45.6 k`, `789`. */
export function short(value: number): string {
  const [size, letter] = STEPS.find(([step]) => value >= step) ?? [1, ""];
  const digits = Number((value / size).toPrecision(3));
  return letter === "" ? String(digits) : `${digits} ${letter}`;
}

/** `$1,234.50`; of less than a dollar, three digits. */
export function money(dollars: number): string {
  if (dollars > 0 && dollars < 1)
    return `$${Number(dollars.toPrecision(3))
      .toFixed(6)
      .replace(/\.?0+$/, "")}`;
  return `$${dollars.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

export function percent(part: number): string {
  return part > 0 && part < 0.01 ? "< 1 %" : `${Math.round(100 * part)} %`;
}

type Cells = readonly string[];

/** For a terminal: the first column to the left, the others to the right. */
export function plainTable(rows: readonly Cells[], left = 1): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: Cells) =>
    row.map((cell, i) => (i < left ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ");
  return rows.map((row) => line(row).trimEnd()).join("\n");
}

/** In Markdown; the columns after the first `left` to the right. */
export function markdownTable([head = [], ...rows]: readonly Cells[], left = 1): string {
  const rule = head.map((_, i) => (i < left ? "---" : "--:"));
  return [head, rule, ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}
