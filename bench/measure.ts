/** What rows are made of: two ways of doing a thing, measured in turns, and facts that must hold. */

export interface Pair {
  readonly reference: number;
  readonly subject: number;
}

export interface Mark {
  readonly kind: "at least" | "at most";
  readonly ratio: number;
}

export interface Comparison {
  readonly what: string;
  readonly unit: string;
  /** Null for a comparison that is worth knowing and promises nothing. */
  readonly mark: Mark | null;
  /** In the order in which they were measured. */
  readonly pairs: readonly Pair[];
}

/** A figure that is judged by itself, where there is nothing to set it beside. */
export interface Figure {
  readonly what: string;
  readonly unit: string;
  readonly value: number;
  readonly mark: { readonly kind: "at least" | "at most"; readonly value: number } | null;
}

export interface Fact {
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

export interface Findings {
  readonly comparisons: readonly Comparison[];
  readonly figures?: readonly Figure[];
  readonly facts: readonly Fact[];
  /** What a reader has to know to read the figures right. */
  readonly notes: readonly string[];
}

export interface Row {
  readonly number: number;
  readonly title: string;
  readonly reference: string;
  measure(say: (progress: string) => void): Promise<Findings>;
}

export interface Spread {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

/**
 * Reference and subject in turns, so that whatever else the machine does strikes both alike. Every other pair is in the
 * opposite order: a slow drift then favours neither.
 */
export async function inTurns(
  rounds: number,
  reference: () => Promise<number>,
  subject: () => Promise<number>,
): Promise<Pair[]> {
  return allInTurns(rounds, { reference, subject });
}

/** Several ways in turns, under the same rule: every other round goes through them backwards. */
export async function allInTurns<K extends string, T>(
  rounds: number,
  ways: Readonly<Record<K, () => Promise<T>>>,
): Promise<Record<K, T>[]> {
  const names = Object.keys(ways) as K[];
  const measured: Record<K, T>[] = [];
  for (let round = 0; round < rounds; round++) {
    const figures = {} as Record<K, T>;
    for (const name of round % 2 === 0 ? names : names.toReversed()) figures[name] = await ways[name]();
    measured.push(figures);
  }
  return measured;
}

/** The median, and the quartiles around it. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const below = sorted[Math.floor(place)] ?? Number.NaN;
    const above = sorted[Math.ceil(place)] ?? Number.NaN;
    return below + (above - below) * (place % 1);
  };
  return { low: at(0.25), median: at(0.5), high: at(0.75) };
}

/** The subject's share of the reference, pair by pair. */
export function ratios(pairs: readonly Pair[]): number[] {
  return pairs.map(({ reference, subject }) => subject / reference);
}

/** Judged on the median as measured, not as it is shown. */
export function isReached({ mark, pairs }: Comparison): boolean {
  if (mark === null) return true;
  const { median } = spread(ratios(pairs));
  return mark.kind === "at least" ? median >= mark.ratio : median <= mark.ratio;
}

/** Judged as measured, not as it is shown. */
export function isFigureReached({ mark, value }: Figure): boolean {
  if (mark === null) return true;
  return mark.kind === "at least" ? value >= mark.value : value <= mark.value;
}

export function holds({ expected, found }: Fact): boolean {
  return expected === found;
}
