/** Numbers in [0, 1), the same ones for the same seed. */
export type Rng = () => number;

/** Mulberry32 (Tommy Ettinger): 32 bits of state, fast, and good enough for grain and paper. */
export function createRng(seed: number): Rng {
  // Neighbouring seeds begin with similar numbers otherwise; this is MurmurHash3's last step.
  let state = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  state ^= state >>> 16;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** One of `items`, which must not be empty. */
export function pick<T>(rng: Rng, items: readonly T[]): T {
  return items[Math.floor(rng() * items.length)] as T;
}
