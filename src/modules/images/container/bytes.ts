/** Big-endian 16-bit unsigned integer; bytes past the end read as zero. */
export function u16be(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/** Little-endian 16-bit unsigned integer; bytes past the end read as zero. */
export function u16le(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

/** Little-endian 24-bit unsigned integer; bytes past the end read as zero. */
export function u24le(bytes: Uint8Array, at: number): number {
  return u16le(bytes, at) | ((bytes[at + 2] ?? 0) << 16);
}

/** Big-endian 32-bit unsigned integer; bytes past the end read as zero. */
export function u32be(bytes: Uint8Array, at: number): number {
  return u16be(bytes, at) * 0x10000 + u16be(bytes, at + 2);
}

/** Little-endian 32-bit unsigned integer; bytes past the end read as zero. */
export function u32le(bytes: Uint8Array, at: number): number {
  return u16le(bytes, at) + u16le(bytes, at + 2) * 0x10000;
}

/** Whether the Latin-1 `text` stands at offset `at`. */
export function hasText(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    if (bytes[at + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

/** The bytes from `start` to `end` as Latin-1; shorter where the input ends. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (const byte of bytes.subarray(start, end)) text += String.fromCharCode(byte);
  return text;
}

/** The bytes of a Latin-1 string. */
export function textBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** One new array of all parts in order; never a view of its input. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Where a run of 0x00 and 0xFF, as writers append to align or preallocate, ends. */
export function skipPadding(bytes: Uint8Array, start: number): number {
  let at = start;
  while (bytes[at] === 0x00 || bytes[at] === 0xff) at += 1;
  return at;
}
