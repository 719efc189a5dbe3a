/** Chance that can be repeated: the same seed gives the same rows. */
import { type IdPrefix, idBound } from "../../src/kernel/ids.ts";

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** Ten bits at a time. */
const PAIRS = Array.from({ length: 1024 }, (_, n) => CROCKFORD.charAt(n >> 5) + CROCKFORD.charAt(n & 31));
const TIME_CHARACTERS = 10;
/** Sixteen bits at a time. */
const HEX = Array.from({ length: 65_536 }, (_, n) => n.toString(16).padStart(4, "0"));

/** A 32-bit hash of a text (FNV-1a), for streams that are named. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** sfc32 (Chris Doty-Humphrey's Small Fast Counter), a stream for each seed and name. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream: string) {
    this.#a = seed >>> 0;
    this.#b = hash32(stream);
    this.#c = hash32(`${seed}/${stream}`);
    for (let i = 0; i < 12; i++) this.next32();
  }

  /** 0 to 2³² − 1. */
  next32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** From 0 up to, but not, 1. */
  next(): number {
    return this.next32() / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Whole numbers from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** Around `median`, most within a factor of `factor` of it and a few far above: how long things take. */
  about(median: number, factor: number): number {
    const normal = this.next() + this.next() + this.next() + this.next() - 2;
    return Math.max(1, Math.round(median * factor ** (normal * 1.7)));
  }

  pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.next() * values.length)] as T;
  }

  /** A value by its weight; weights add up to anything. */
  weighted<T>(choices: readonly (readonly [weight: number, value: T])[]): T {
    let left = this.next() * choices.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, value] of choices) {
      left -= weight;
      if (left < 0) return value;
    }
    return (choices[choices.length - 1] as readonly [number, T])[1];
  }

  /** Lower-case hex, eight digits a word. */
  hex(words: number): string {
    let text = "";
    for (let i = 0; i < words; i++) {
      const word = this.next32();
      text += (HEX[word >>> 16] as string) + HEX[word & 65_535];
    }
    return text;
  }

  uuid(): string {
    const hex = this.hex(4);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  /** An id as the service makes them: it sorts by time. */
  id(prefix: IdPrefix, epochMs: number): string {
    let random = "";
    for (let i = 0; i < 3; i++) {
      const word = this.next32();
      random += (PAIRS[word & 1023] as string) + PAIRS[(word >>> 10) & 1023] + PAIRS[(word >>> 20) & 1023];
    }
    return idBound(prefix, epochMs).slice(0, prefix.length + 1 + TIME_CHARACTERS) + random.slice(0, 16);
  }
}
