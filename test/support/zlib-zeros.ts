/**
 * A zlib stream of `length` zero bytes at deflate's best ratio, 1032 to 1.
 *
 * One dynamic block (RFC 1951 §3.2.7) gives one bit to "258 bytes" (symbol 285) and one to "from one byte back", so that
 * two zero bits stand for 258 bytes; a single zero byte and the end take two bits each.
 */
export function zlibZeros(length: number): Uint8Array<ArrayBuffer> {
  const matches = Math.floor((length - 1) / 258);
  const head = blockHeader() + ZERO;
  const tail = ZERO.repeat(length - 1 - matches * 258) + END;
  const tailAt = head.length + matches * 2;
  const dataBytes = Math.ceil((tailAt + tail.length) / 8);
  const stream = new Uint8Array(2 + dataBytes + 4);
  stream.set([0x78, 0xda]);
  const write = (bits: string, at: number) => {
    for (let i = 0; i < bits.length; i += 1) {
      const byte = 2 + ((at + i) >> 3);
      if (bits[i] === "1") stream[byte] = (stream[byte] ?? 0) | (1 << ((at + i) & 7));
    }
  };
  write(head, 0);
  write(tail, tailAt);
  // Adler-32 of zeros: the low half stays 1, the high half counts the bytes.
  new DataView(stream.buffer).setUint32(2 + dataBytes, (length % 65_521) * 65_536 + 1);
  return stream;
}

/** Canonical codes of the two-bit symbols 0 and 256; that of the one-bit symbol 285 is "0". */
const ZERO = "10";
const END = "11";
/** Order in which a block states the code-length code (RFC 1951 §3.2.7), as far as it is needed. */
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1];

function blockHeader(): string {
  const sizes: Readonly<Record<number, number>> = { 18: 1, 1: 2, 2: 2 };
  // Codes for code lengths 1 and 2, and 18: "11 to 138 unused symbols".
  const [one, two] = ["10", "11"];
  const unused = (count: number) => `0${number(count - 11, 7)}`;
  return [
    "101", // the final block, dynamic
    number(286 - 257, 5),
    number(1 - 1, 5),
    number(CODE_LENGTH_ORDER.length - 4, 4),
    ...CODE_LENGTH_ORDER.map((symbol) => number(sizes[symbol] ?? 0, 3)),
    two,
    unused(138),
    unused(117),
    two,
    unused(28),
    one,
    one,
  ].join("");
}

/** The bits of `value` as deflate writes numbers, the lowest first. */
function number(value: number, bits: number): string {
  return [...value.toString(2).padStart(bits, "0")].reverse().join("");
}
