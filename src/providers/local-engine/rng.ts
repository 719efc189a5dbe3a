/** Numbers in [0, 1), the same ones for the same seed. */
export type Rng = () => number;

/** Mulberry32 (Tommy Ettinger): 32 bits of state, fast, and good enough for grain and paper. */
export function createRng(seed: number): Rng {
  // Neighbouring seeds begin with similar numbers otherwise; this is MurmurHash3's last step.
  let first = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b);
  first = Math.imul(first ^ (first >>> 13), 0xc2b2ae35);
  // In an array, since a variable that a function shares would be a new object for every number.
  const states = Int32Array.of(first ^ (first >>> 16));
  return () => {
    const state = ((states[0] as number) + 0x6d2b79f5) | 0;
    states[0] = state;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** One of `items`, which must not be empty. */
export function pick<T>(rng: Rng, items: readonly T[]): T {
  return items[Math.floor(rng() * items.length)] as T;
}
