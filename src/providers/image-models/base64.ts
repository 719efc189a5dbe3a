/** A multiple of three, so that the parts' base64 can be put together. */
const PART_BYTES = 24_576;

/** Node 24, where the tests run, has not the built-in that workerd has; it is many times faster. */
const hasBuiltIn = typeof Uint8Array.prototype.toBase64 === "function";

export function toBase64(bytes: Uint8Array): string {
  if (hasBuiltIn) return bytes.toBase64();
  let text = "";
  for (let at = 0; at < bytes.length; at += PART_BYTES) {
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + PART_BYTES)));
  }
  return text;
}

/** The bytes of base64 in either alphabet, padded or not, white space allowed; null for anything else. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  const standard = text.replaceAll("-", "+").replaceAll("_", "/");
  try {
    if (hasBuiltIn) return Uint8Array.fromBase64(standard);
    return Uint8Array.from(atob(standard), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}
